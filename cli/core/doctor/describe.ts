/** What `zdr doctor` found, in lines: here and on each host, each finding with what mends it. */
import type { Check } from "../../../agent/wire/doctor.ts";
import { sanitize } from "../report/sanitize.ts";
import { count } from "../report/units.ts";

export interface Examined {
  /** A host's name, or `here`. */
  readonly where: string;
  readonly checks: readonly Omit<Check, "failure">[];
}

/** Lines of text that end in a newline; the last one says how many things there are to mend. */
export function describeDoctor(examined: readonly Examined[]): string {
  const width = Math.max(0, ...examined.flatMap(({ checks }) => checks.map(({ about }) => about.length)));
  const lines = examined.flatMap(({ where, checks }) => [`${where}:`, ...checks.flatMap((one) => linesOf(one, width))]);
  return [...lines, closing(examined)].map((line) => `${sanitize(line)}\n`).join("");
}

/** Whether a deploy would not get through. */
export function isIll(examined: readonly Examined[]): boolean {
  return examined.some(({ checks }) => checks.some(({ level }) => level === "refuse"));
}

const MARKS = { ok: "ok  ", warn: "warn", refuse: "FAIL" } as const;

function linesOf({ about, level, text, fix }: Examined["checks"][number], width: number): string[] {
  const lines = [`  ${MARKS[level]}  ${about.padEnd(width)}  ${text}`];
  return level === "ok" || fix === undefined ? lines : [...lines, `        ${" ".repeat(width)}fix: ${fix}`];
}

function closing(examined: readonly Examined[]): string {
  const tally = (wanted: Check["level"]) =>
    examined.flatMap(({ checks }) => checks.filter(({ level }) => level === wanted)).length;
  const [bad, doubtful] = [tally("refuse"), tally("warn")];
  if (bad + doubtful === 0) return "all is well";
  const warnings = doubtful === 0 ? "" : `${count(doubtful, "warning")}`;
  if (bad === 0) return `a deploy would get through; ${warnings}`;
  return `a deploy would not get through: ${count(bad, "thing")} to mend${warnings === "" ? "" : `, ${warnings}`}`;
}
