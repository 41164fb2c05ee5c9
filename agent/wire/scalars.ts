/** Shapes that several parts of the protocol are made of. */
import * as z from "zod/mini";

export const nonNegative = z.number().check(z.int(), z.gte(0));
export const strings = z.array(z.string());
