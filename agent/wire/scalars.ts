/** Shapes that several parts of the protocol are made of. */
import * as z from "zod/mini";

export const nonNegative = z.number().check(z.int(), z.gte(0));
export const strings = z.array(z.string());

export const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

/** Many thousands of `nonNegative`, looked at as one: zod's array takes ten times as long. */
export const counts = z.custom<number[]>((value) => Array.isArray(value) && value.every(isCount));
