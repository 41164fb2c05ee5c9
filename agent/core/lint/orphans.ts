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

/** Somebody has the port of a program that has tried to start, and could not be looked into. */
export function portFindings(
  program: string,
  health: string | undefined,
  state: string | undefined,
  isListenedOn: (port: number) => boolean,
): LintFinding[] {
  if (health === undefined || state === undefined || !HAS_TRIED.has(state)) return [];
  const { hostname, port, protocol } = new URL(health);
  const number = Number(port || (protocol === "https:" ? 443 : 80));
  if (!isListenedOn(number)) return [];
  const text = `somebody listens on ${hostname}:${number}, although supervisor says that ${program} is ${state}`;
  return [warn("port-taken", text, `see who it is, on the host: sudo ss -ltnp 'sport = :${number}'`)];
}
