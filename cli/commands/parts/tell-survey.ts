/** What a survey found: what an operator should know whatever the command goes on to do, and what keeps a command from going on. */
import type { AgentEvent, Survey } from "../../../agent/protocol.ts";
import type { HostTarget } from "../../core/plan.ts";
import { describeFreeze } from "../../core/report/describe-freeze.ts";
import { ZdrError } from "../../failure.ts";
import type { RequestBody } from "../../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

/** Surveys a host and tells it. Under the lock that ends what a dead agent has left half done, and the host's state says so from then on. */
export async function surveyHost(
  run: Run,
  fleet: Pick<Fleet<HostTarget>, "onEvent">,
  host: FleetHost,
  question: RequestBody<"survey">,
): Promise<Survey> {
  const tell = fleet.onEvent(host);
  const onEvent = (event: AgentEvent) => {
    // A survey by itself has none.
    if (event.event === "phase") host.state = { kind: "recovered" };
    tell(event);
  };
  const survey = await (await host.session).request("survey", question, onEvent).catch((error: unknown) => {
    const isLink = error instanceof ZdrError && error.failure.kind === "link";
    if (isLink && host.state.kind === "recovered") host.phase = "halfway";
    throw error;
  });
  if (survey.recovered !== undefined) host.state = { kind: "recovered", said: survey.recovered };
  tellSurvey(run, host, survey);
  return survey;
}

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
