/** What every lint works on, and the words that they share. */
import { posix } from "node:path";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import type { Layout } from "../layout.ts";
import type { SectionFacts } from "../section/facts.ts";

/** One section under judgement. */
export interface Subject {
  readonly program: ProgramPlan;
  readonly layout: Layout;
  readonly facts: SectionFacts;
}

export type Rule = (subject: Subject) => readonly LintFinding[];

export function refuse(rule: string, text: string, fix: string): LintFinding {
  return { rule, level: "refuse", text, fix };
}

export function warn(rule: string, text: string, fix: string): LintFinding {
  return { rule, level: "warn", text, fix };
}

/** Whether `path` is `folder` or stands under it, by the letters alone. */
export function isUnder(path: string, folder: string): boolean {
  const clean = posix.normalize(path);
  return clean.replace(/\/$/, "") === folder || clean.startsWith(`${folder}/`);
}

/** Whether `path`, or something under it, is named anywhere in `word`. */
export function mentions(word: string, path: string): boolean {
  for (let at = word.indexOf(path); at >= 0; at = word.indexOf(path, at + 1)) {
    if (!/^[\w.-]/.test(word.slice(at + path.length))) return true;
  }
  return false;
}
