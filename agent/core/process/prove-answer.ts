/** The agent's side of what the root-owned helper answers; see prove-text.ts. */
import * as z from "zod/mini";
import type { Look, OpenFile } from "./inspection.ts";
import { ACCEPTS, ACCEPTS_BY, PROVE_VERSION } from "./prove-text.ts";

const number = z.number().check(z.int());
const decimal = z.string().check(z.regex(/^\d{1,20}$/));
const openFile = z.tuple([decimal, decimal, number]);

const LookInNumbers = z.discriminatedUnion("seen", [
  z.object({ seen: z.literal(0), pid: number }),
  z.object({ seen: z.literal(1), pid: number, startTicks: number, uid: number }),
  z.object({
    ...{ seen: z.literal(2), pid: number, startTicks: number, uid: number, ppid: number },
    ...{ exe: openFile, cwd: openFile, cwdRoot: number, holds: z.array(decimal) },
    ...{ accepts: number, by: number, isPartial: z.boolean() },
  }),
]);
const Answer = z.object({ v: z.literal(PROVE_VERSION), looks: z.array(LookInNumbers) });

/** Undefined: no answer of this version, or the helper refused the question. */
export function parseProveAnswer(line: string): Look[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = Answer.safeParse(value);
  return parsed.success ? parsed.data.looks.map(lookOf) : undefined;
}

function lookOf(told: z.infer<typeof LookInNumbers>): Look {
  if (told.seen === 0) return { outcome: "gone", pid: told.pid };
  if (told.seen === 1) return { outcome: "denied", pid: told.pid, startTicks: told.startTicks, uid: told.uid };
  const { pid, startTicks, ppid, uid, cwdRoot, isPartial } = told;
  const by = ACCEPTS_BY[told.by];
  const facts = {
    ...{ pid, startTicks, ppid, uid, cwdRoot, isPartial },
    exe: openFileOf(told.exe),
    cwd: openFileOf(told.cwd),
    holds: told.holds.map(BigInt),
    accepts: ACCEPTS[told.accepts] ?? "unknown",
  };
  return { outcome: "seen", facts: by === undefined ? facts : { ...facts, by } };
}

function openFileOf([dev, ino, isDeleted]: z.infer<typeof openFile>): OpenFile {
  return { dev: BigInt(dev), ino: BigInt(ino), isDeleted: isDeleted !== 0 };
}
