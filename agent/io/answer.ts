/**
 * What the last activation answered, for a CLI whose link died before it could hear it. The ledger has the verdict; this has the
 * words. Where it can not be written or read, the ledger alone speaks.
 */
import { readFileSync } from "node:fs";
import * as z from "zod/mini";
import { AgentError } from "../core/failure.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import { ActivationReport } from "../wire/report.ts";
import { ifThere, replaceFile } from "./files.ts";
import { moment } from "./moment.ts";

const Answer = z.object({ activation: z.string(), report: ActivationReport });

export function leaveAnswer(layout: Layout, activation: string, report: ActivationReport): void {
  try {
    replaceFile(layout.answer, JSON.stringify({ activation, report }), PRIVATE_FILE_MODE);
    moment("answer: left");
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
  }
}

/** Undefined: it is of another activation, or nothing that can be believed. */
export function readAnswer(layout: Layout, activation: string): ActivationReport | undefined {
  const text = ifThere("read", layout.answer, () => readFileSync(layout.answer, "utf8"));
  const parsed = Answer.safeParse(parseJson(text ?? ""));
  return parsed.success && parsed.data.activation === activation ? parsed.data.report : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
