/** Processes of a program that a supervisord has left which was killed: the one that runs now does not know them. */
import type { LintFinding } from "../../wire/program.ts";
import { refuse, warn } from "./subject.ts";

export interface Orphan {
  readonly pid: number;
  /** `127.0.0.1:8080`, or `a unix socket`; empty: it does not listen. */
  readonly listens: readonly string[];
  /** Undefined: of another release than those that are there. */
  readonly release: string | undefined;
}

/** One that listens keeps the port from what supervisor starts, or answers beside it for ever from what it was started from. */
export function orphanFindings(program: string, orphans: readonly Orphan[]): LintFinding[] {
  if (orphans.length === 0) return [];
  const level = orphans.some(({ listens }) => listens.length > 0) ? refuse : warn;
  const text = `${orphanWords(orphans)}, and no supervisord holds it: one that was killed has left it`;
  const fix = `when it may go: kill ${orphans.map(({ pid }) => pid).join(" ")}; then zdr restart ${program}`;
  return [level("orphans", text, fix)];
}

/** `pid 12 listens on 127.0.0.1:8080 and runs v2`. */
export function orphanWords(orphans: readonly Orphan[]): string {
  return orphans.map(wordsOf).join(", ");
}

function wordsOf({ pid, listens, release }: Orphan): string {
  const facts = [
    ...(listens.length === 0 ? [] : [`listens on ${listens.join(", ")}`]),
    ...(release === undefined ? [] : [`runs ${release}`]),
  ];
  return facts.length === 0 ? `pid ${pid} lives` : `pid ${pid} ${facts.join(" and ")}`;
}

/** States in which a program has tried to start, and is down. */
const HAS_TRIED = new Set(["BACKOFF", "FATAL", "EXITED"]);

/** Who listens on a port; nothing is known of who could not be looked into. */
export interface Listener {
  readonly pid?: number;
  readonly command?: string;
}

/** Whether somebody else on its port would tell something of a program in this state. */
export function hasTriedToStart(state: string | undefined): boolean {
  return state !== undefined && HAS_TRIED.has(state);
}

/**
 * Somebody has the port of a program that is down, so that it could not start. `state`: supervisor's, undefined where it does not
 * know the program yet.
 */
export function portFinding(
  program: string,
  { host, port }: Address,
  state: string | undefined,
  { pid, command }: Listener,
): LintFinding {
  const who = pid === undefined ? "somebody" : `pid ${pid}${command === undefined ? "" : ` (${command})`}`;
  const down =
    state === undefined ? `supervisor does not know ${program} yet` : `supervisor says that ${program} is ${state}`;
  const text = `${who} listens on ${host}:${port}, although ${down}`;
  const front = `unless that stands in front of ${program}, it has to go before ${program} can start`;
  const fix = `see who it is, on the host: ${pid === undefined ? `sudo ss -ltnp 'sport = :${port}'` : `ps -fp ${pid}`}; ${front}`;
  return warn("port-taken", text, fix);
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a program is to answer, by its health check and its `listen`; each port once. */
export function addressesAwaited(health: string | undefined, listen: readonly object[] = []): Address[] {
  const addresses = listen.flatMap((one) => ("port" in one ? [one as Address] : []));
  if (health !== undefined) {
    const { hostname, port, protocol } = new URL(health);
    addresses.unshift({ host: hostname, port: Number(port || (protocol === "https:" ? 443 : 80)) });
  }
  return addresses.filter(({ port }, at) => addresses.findIndex((other) => other.port === port) === at);
}
