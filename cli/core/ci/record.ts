/** What a command did on each host, collected from what it reports: for files that are written when it is over. */
import type { FailureReport } from "../report/failure-report.ts";
import type { HostPhase, ProgressEvent } from "../report/progress.ts";
import type { Table } from "../report/table.ts";

export interface PhaseRecord {
  readonly phase: HostPhase;
  status: "waiting" | "start" | "done" | "failed";
  /** Of one that came more than once, all of it. */
  ms: number;
  detail: string;
}

export interface CommandRecord {
  verb: string;
  /** In the order of the plan; what was not planned comes behind. */
  readonly hosts: Map<string, PhaseRecord[]>;
  readonly tables: Table[];
  readonly failures: FailureReport[];
  exit: number;
}

export function emptyRecord(verb: string): CommandRecord {
  return { verb, hosts: new Map(), tables: [], failures: [], exit: 0 };
}

export function takeEvent(record: CommandRecord, event: ProgressEvent): void {
  if (event.kind === "plan") {
    record.verb = event.verb;
    for (const host of event.hosts) {
      record.hosts.set(
        host,
        event.phases.map((phase) => ({ phase, status: "waiting", ms: 0, detail: "" })),
      );
    }
  }
  if (event.kind !== "host-phase") return;
  const phases = record.hosts.get(event.host);
  if (phases === undefined) return;
  const known = phases.find(({ phase }) => phase === event.phase);
  const one: PhaseRecord = known ?? { phase: event.phase, status: "waiting", ms: 0, detail: "" };
  if (known === undefined) phases.push(one);
  // Where a host failed in a phase once, that is what counts.
  if (one.status !== "failed") one.status = event.status;
  one.ms += event.ms ?? 0;
  if (event.detail !== undefined && event.detail !== "") one.detail = event.detail;
}
