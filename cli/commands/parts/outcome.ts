/** How a command with hosts ends: what failed where, what state was left, what to do, and one exit code for all. */
import {
  combineExitCodes,
  EXIT,
  type ExitCode,
  type HostOutcome,
  outcomeOf,
  outcomeOfFailure,
} from "../../core/exit-code.ts";
import { endOf, type NoticeEvent } from "../../core/notice.ts";
import { stateLine } from "../../core/report/state-line.ts";
import { type Explained, explain, explainActivation, explainAll, explainLoss, explainWayBack } from "../../explain.ts";
import { ZdrError } from "../../failure.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

/**
 * Prints the failures of all hosts, if there are any, and says how the command exits. `withState`: whether it could have
 * changed what serves, so that the state of each host has to be told. `more`: what else could be done about it.
 */
export function concludeHosts(
  run: Run,
  hosts: readonly FleetHost[],
  withState = true,
  more: readonly string[] = [],
): ExitCode {
  const failures = hosts.flatMap((host) => (host.failure ? [host.failure] : []));
  const notBack = hosts.flatMap(({ name, activation, backFailure }) =>
    backFailure === undefined ? [] : explainWayBack(name, activation?.previous, backFailure),
  );
  const reverted = hosts.flatMap((host) =>
    host.activation ? (explainActivation(host.name, host.activation) ?? []) : [],
  );
  const losses = hosts.flatMap((host) => (host.activation ? (explainLoss(host.name, host.activation) ?? []) : []));
  const { signal } = run.interrupt;
  const failed = failures.length > 0 ? [explainAll(failures)] : [];
  const explained: Explained[] = [...failed, ...notBack, ...reverted, ...losses];
  // Also where all of it went well: whoever interrupts wants to know what became of it.
  if (signal !== undefined && explained.length === 0) explained.push(explain({ kind: "interrupted", signal }));
  const exit = signal === undefined ? combineExitCodes(hosts.map(outcomeOfHost)) : interruptedExit(signal);
  if (explained.length === 0) return exit;
  run.output.failure({
    error: explained.flatMap((one) => one.error),
    about: explained.flatMap(({ error, about = [] }) => error.map((_, index) => about[index] ?? {})),
    state: withState ? [stateLine(hosts.map(({ name, state }) => ({ host: name, state })))] : [],
    log: explained.flatMap((one) => one.log ?? []),
    hints: [...new Set([...explained.flatMap((one) => one.hints), ...more])],
    exit,
  });
  return exit;
}

/** What failed on a host, in words to stand behind its name. */
export function whyFailed({ name, failure }: FleetHost): string {
  const why = failure === undefined ? [] : explainAll([failure]).error;
  return why.join("; ").replace(`${name}: `, "");
}

/** The same for a command that nobody reads any more: a host that was told to end because of that has not failed. */
export function concludeUnread(run: Run, hosts: readonly FleetHost[]): ExitCode {
  const others = hosts.filter(({ failure }) => failure?.failure.kind !== "interrupted");
  return concludeHosts(run, others, false);
}

/** As what webhooks are told of a command that ended with `exit`: an interrupt hides nothing of what failed, and is no failure. */
export function endOfHosts(hosts: readonly FleetHost[], exit: ExitCode): NoticeEvent {
  const states = hosts.map(({ state }) => state);
  if (!INTERRUPTS.has(exit)) return endOf(exit, states);
  const outcomes = hosts.map(outcomeOfHost);
  const failed = outcomes.filter((outcome) => outcome.kind !== "as-before" || !INTERRUPTS.has(outcome.exit));
  return endOf(combineExitCodes(failed), states);
}

const INTERRUPTS: ReadonlySet<ExitCode> = new Set([EXIT.interrupted, EXIT.terminated]);

function outcomeOfHost(host: FleetHost): HostOutcome {
  if (host.wentBack !== undefined) return host.state.kind === "reverted" ? { kind: "reverted" } : { kind: "stuck" };
  // What it took serves there, and it should not, or is not watched any more: others do not have it.
  if ((host.failure ?? host.backFailure) && host.activation?.outcome === "kept") return { kind: "stuck" };
  if (host.failure) return outcomeOfFailure(explainAll([host.failure]).exit);
  return host.activation ? outcomeOf(host.activation) : { kind: "as-before", exit: EXIT.done };
}

function interruptedExit(signal: "SIGINT" | "SIGTERM"): ExitCode {
  return signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}

/** While nothing has been begun on any host, whoever interrupts waits for none. @throws ZdrError `interrupted`. */
export async function orInterrupted<T>({ interrupt }: Run, work: Promise<T>): Promise<T> {
  let undo = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    undo = interrupt.onFirst((signal) => reject(new ZdrError({ kind: "interrupted", signal })));
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    undo();
  }
}

/** Of hosts that were only asked: whoever interrupts does not wait for the ends of their agents either. */
export async function closeRead({ interrupt }: Run, fleet: { close(): Promise<void> }): Promise<void> {
  const closed = fleet.close();
  if (interrupt.signal === undefined) await closed;
}
