/** Failure -> what failed and where, what to do about it, and the exit code. This file and explain/ have all failure prose. */
import type { AgentFailure } from "../agent/wire/failure.ts";
import type { ActivationReport, ProgramReport } from "../agent/wire/report.ts";
import { EXIT, type ExitCode, isLossy } from "./core/exit-code.ts";
import type { About, FailureReport } from "./core/report/failure-report.ts";
import { agentWords } from "./explain/agent.ts";
import { exitOf, type Phase } from "./explain/exit.ts";
import { linkWords } from "./explain/link.ts";
import { localWords } from "./explain/local.ts";
import type { Words } from "./explain/words.ts";
import type { Failure, SourcePlace } from "./failure.ts";

/** A failure and when it came; see Phase in explain/exit.ts. */
export interface PhasedFailure {
  readonly failure: Failure;
  readonly phase: Phase;
}

export interface Explained extends FailureReport {
  readonly exit: ExitCode;
}

/** One failure in words. */
export function explain(failure: Failure, phase: Phase = "plan"): Explained {
  return explainAll([{ failure, phase }]);
}

/**
 * Several failures in words: hosts that failed alike share a line, and lines with the same reason stand together. The
 * exit code is that of the first failure; what it is for all hosts says combineExitCodes.
 */
export function explainAll(failures: readonly PhasedFailure[]): Explained {
  const groups = groupByReason(failures.map(({ failure }) => failure));
  const first = failures[0];
  return {
    error: groups.flatMap(({ hosts, words }) => words.map(({ what }) => withHosts(hosts, what))),
    about: groups.flatMap(({ hosts, program, words }) => words.map(({ place }) => aboutWhat(hosts, program, place))),
    log: groups.flatMap(({ words }) => words.flatMap(({ log = [] }) => log)),
    hints: [...new Set(groups.flatMap(({ words }) => words.flatMap(({ hints }) => hints)))],
    exit: first === undefined ? EXIT.done : exitOf(first.failure, first.phase),
  };
}

/** An activation that was reverted (exit 7) or is stuck (exit 8); undefined where it did neither. */
export function explainActivation(host: string, report: ActivationReport): Explained | undefined {
  if (report.outcome !== "reverted" && report.outcome !== "stuck") return undefined;
  const reverting = report.revertFailure === undefined ? undefined : agentWords(report.revertFailure);
  const failed = report.failure === undefined ? undefined : agentWords(report.failure);
  return {
    error: [
      withHosts(
        [host],
        failed?.what ?? `the activation of ${report.tag} ended as ${report.outcome} and gave no reason`,
      ),
      ...(reverting === undefined
        ? []
        : [withHosts([host], `putting the old release back failed too: ${reverting.what}`)]),
    ],
    about: [
      aboutWhat([host], programOf(report.failure)),
      ...(reverting === undefined ? [] : [aboutWhat([host], programOf(report.revertFailure))]),
    ],
    log: [
      ...report.log.map(({ program, line }) => `${host}: ${program}: ${line}`),
      ...[failed, reverting].flatMap((words) => words?.log ?? []),
    ],
    hints: [...new Set([...(failed?.hints ?? []), ...(reverting?.hints ?? []), ...(reverting ? STUCK_HINTS : [])])],
    exit: report.outcome === "reverted" ? EXIT.reverted : EXIT.stuck,
  };
}

/** What kept a host from going back to `tag`, which it had. */
export function explainWayBack(host: string, tag: string | undefined, { failure, phase }: PhasedFailure): Explained {
  const { error, ...more } = explain(failure, phase);
  return {
    ...more,
    error: error.map((what) => withHosts([host], `on the way back to ${tag}: ${what.replace(`${host}: `, "")}`)),
  };
}

/** A release that serves, and cost requests that its strategy promised to keep (exit 9); undefined where it cost none. */
export function explainLoss(host: string, report: ActivationReport): Explained | undefined {
  const lossy = report.outcome === "kept" ? report.programs.filter(isLossy) : [];
  if (lossy.length === 0) return undefined;
  return {
    error: lossy.map((program) => withHosts([host], lossWords(program))),
    about: lossy.map(({ name }) => aboutWhat([host], name)),
    hints: LOSS_HINTS,
    exit: EXIT.lossy,
  };
}

function lossWords({ name, meter }: ProgramReport): string {
  const { during, baseline, reasons = [] } = meter ?? { during: NOTHING, baseline: NOTHING };
  const why = reasons.map(({ error, count }) => `${count} x ${error}`).join(", ");
  const before = `before the flip: ${baseline.failed} of ${baseline.sent}`;
  return `${name}: ${during.failed} of ${during.sent} requests failed while it was reloaded (${before})${why === "" ? "" : `: ${why}`}`;
}

const NOTHING = { failed: 0, sent: 0 };
const LOSS_HINTS = [
  "the program has to finish its requests when it is told to go; what each library needs for that: docs/strategies.md",
  "see when they failed, and by what: zdr report",
];

/** Anything that is thrown and is no ZdrError: a bug, and the only failure that shows a stack. */
export function explainBug(error: unknown): Explained {
  const [, ...frames] = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  return {
    error: [`this is a bug in zdr: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`],
    log: frames.map((frame) => frame.trim()),
    hints: ["please report it with the lines above and the command that was run", "see what is where: zdr releases"],
    exit: EXIT.bug,
  };
}

/** Of a command whose stdout took no more; `code` is the system's word for why. */
export function explainLostOutput(code: string): Explained {
  return {
    error: [`stdout could not be written, so some of the output is lost: ${code}`],
    hints: [],
    exit: EXIT.usage,
  };
}

const STUCK_HINTS = ["look at the host before anything else: zdr status --releases"];

interface Group {
  readonly reason: string;
  readonly hosts: string[];
  readonly program: string | undefined;
  readonly words: readonly Words[];
}

/** Groups in the order in which their reasons came first; inside a reason, in the order of the hosts. */
function groupByReason(failures: readonly Failure[]): Group[] {
  const groups: Group[] = [];
  for (const failure of failures) {
    const { reason, host, program, words } = read(failure);
    const text = words.map(({ what }) => what).join("\n");
    const same = groups.find((group) => group.reason === reason && textOf(group) === text);
    if (same === undefined) groups.push({ reason, hosts: host === undefined ? [] : [host], program, words });
    else if (host !== undefined && !same.hosts.includes(host)) same.hosts.push(host);
  }
  const reasons = [...new Set(groups.map(({ reason }) => reason))];
  return reasons.flatMap((reason) => groups.filter((group) => group.reason === reason));
}

function textOf(group: Group): string {
  return group.words.map(({ what }) => what).join("\n");
}

function read(failure: Failure): { reason: string; host?: string; program?: string | undefined; words: Words[] } {
  switch (failure.kind) {
    case "link":
      return { reason: failure.link.kind, host: failure.host, words: [linkWords(failure.link)] };
    case "agent":
      return {
        ...{ reason: failure.failure.reason, host: failure.host, program: programOf(failure.failure) },
        words: [agentWords(failure.failure)],
      };
    case "command":
    case "host-changed":
      return { reason: failure.kind, host: failure.host, words: localWords(failure) };
    case "usage":
    case "config":
    case "build":
    case "build-command":
    case "build-held":
    case "hook":
    case "plan-changed":
    case "no-common-release":
    case "interrupted":
      return { reason: failure.kind, words: localWords(failure) };
  }
}

/** The program that it is about, by its name in deploy.yml. */
function programOf(failure: AgentFailure | undefined): string | undefined {
  return failure !== undefined && "program" in failure ? failure.program : undefined;
}

function aboutWhat(hosts: readonly string[], program: string | undefined, place?: SourcePlace): About {
  return {
    ...(hosts.length === 0 ? {} : { hosts: [...hosts] }),
    ...(program === undefined ? {} : { program }),
    ...(place === undefined ? {} : { place }),
  };
}

function withHosts(hosts: readonly string[], what: string): string {
  return hosts.length === 0 ? what : `${hosts.join(", ")}: ${what}`;
}
