/** What a freeze says, and whether its time is over. Pure; the files are agent/io/freeze.ts's business. */
import { Freeze } from "../wire/freeze.ts";

/** undefined: nobody knows what was meant. */
export function parseFreeze(text: string): Freeze | undefined {
  try {
    const parsed = Freeze.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** An `until` that is no time has no end. */
export function isOver({ until }: Freeze, now: Date): boolean {
  return until !== undefined && Date.parse(until) <= now.getTime();
}

/** `freeze.json` is the first, 0; undefined for any other name than `freeze.<n>.json`. */
export function freezeNumber(name: string): number | undefined {
  if (name === "freeze.json") return 0;
  const match = /^freeze\.([1-9][0-9]{0,14})\.json$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
