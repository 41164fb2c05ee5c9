/** What a survey found: what an operator should know whatever the command goes on to do, and what keeps a command from going on. */
import type { Survey } from "../../../agent/protocol.ts";
import { describeFreeze } from "../../core/report/describe-freeze.ts";
import { ZdrError } from "../../failure.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

export function tellSurvey(run: Run, { name: host }: FleetHost, { recovered, freeze, warnings }: Survey): void {
  if (recovered !== undefined) run.output.report({ kind: "note", host, text: recovered });
  if (freeze !== undefined) run.output.report({ kind: "warning", host, text: describeFreeze(freeze) });
  for (const text of warnings) run.output.report({ kind: "warning", host, text });
}

/** @throws ZdrError what the host's lock will be refused with. */
export function requireThawed({ name: host }: FleetHost, { freeze }: Survey): void {
  if (freeze !== undefined) throw new ZdrError({ kind: "agent", host, failure: { reason: "frozen", ...freeze } });
}

export function requireUnlocked({ name: host }: FleetHost, { holder }: Survey): void {
  if (holder !== undefined) throw new ZdrError({ kind: "agent", host, failure: { reason: "locked", ...holder } });
}

/** What would be refused at the activation is refused before a byte is sent. */
export function requireSound(host: FleetHost, survey: Survey): void {
  for (const program of survey.programs) {
    const { name, process } = program;
    const refused = program.findings.filter((finding) => finding.level === "refuse");
    if (program.info === undefined) {
      throw new ZdrError({
        kind: "agent",
        host: host.name,
        failure: { reason: "program-unknown", program: name, process },
      });
    }
    if (refused.length > 0) {
      const failure = { reason: "program-refused", program: name, findings: refused } as const;
      throw new ZdrError({ kind: "agent", host: host.name, failure });
    }
  }
}

/** What would be worse than it needs to be; a dry run lists it among the rest. */
export function tellDoubts(run: Run, { name: host }: FleetHost, { programs }: Survey): void {
  for (const { name, findings } of programs) {
    for (const { level, text, fix } of findings) {
      if (level !== "warn") continue;
      run.output.report({ kind: "warning", host, program: name, text: `${name}: ${text}; fix: ${fix}` });
    }
  }
}
