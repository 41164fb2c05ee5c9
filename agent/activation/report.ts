/** What an activation tells about itself when it is over. */
import { readCurrent } from "../io/current.ts";
import type { ActivationReport, AgentFailure, ProgramReport } from "../protocol.ts";
import type { Activation, Before } from "./activation.ts";
import type { Brought } from "./bring.ts";
import type { Drained } from "./settle.ts";

export interface Ending {
  readonly failure?: AgentFailure;
  /** Of a revert that failed too. */
  readonly revertFailure?: AgentFailure;
  readonly log?: ActivationReport["log"];
}

/** Ends the meters and makes the report. */
export async function finish(
  activation: Activation,
  outcome: ActivationReport["outcome"],
  { failure, revertFailure, log = [] }: Ending = {},
): Promise<ActivationReport> {
  await activation.stopMeters();
  const { order, previous, reports, warnings } = activation;
  return {
    ...{ outcome, tag: order.tag, programs: reports, warnings, log, flipToDoneMs: activation.elapsedMs },
    ...optional("previous", previous),
    ...optional("failure", failure),
    ...optional("revertFailure", revertFailure),
    ...optional("serves", currentOrUndefined(activation)),
  };
}

function currentOrUndefined({ context }: Activation): string | undefined {
  try {
    return readCurrent(context.layout);
  } catch {
    return undefined;
  }
}

export function reportProgram(
  before: Before,
  brought: Brought,
  drained: Drained,
  meter: ProgramReport["meter"],
): ProgramReport {
  const { program, action, info, proof, evidence } = brought;
  return {
    ...{ name: program.name, process: program.process, action, proof, evidence: [...evidence] },
    before: { ...optional("release", before.release), pid: before.info.pid, state: before.info.statename },
    after: { ...optional("release", brought.tag), pid: info.pid, state: info.statename },
    draining: drained.draining,
    ...optional("readyMs", action === "none" ? undefined : Math.round(brought.readyMs)),
    ...optional("gapMs", brought.gapMs === undefined ? undefined : Math.round(brought.gapMs)),
    ...optional("oldGoneMs", drained.oldGoneMs === undefined ? undefined : Math.round(drained.oldGoneMs)),
    ...optional("meter", meter),
  };
}

/** `{[key]: value}`, or nothing where the value is undefined (exactOptionalPropertyTypes). */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

const PROOF_ORDER = ["none", "state only", "health only", "processes"] as const;

/** A release is proved as well as the program about which least is known. */
export function weakestProof(reports: readonly ProgramReport[]): ProgramReport["proof"] {
  let weakest: number = PROOF_ORDER.length - 1;
  for (const report of reports) weakest = Math.min(weakest, PROOF_ORDER.indexOf(report.proof));
  return PROOF_ORDER[weakest] ?? "none";
}
