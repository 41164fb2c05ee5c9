/** `--wait 5m`: for how long a command waits for hosts that another command holds. */
import { ZdrError } from "../failure.ts";
import { parseDuration } from "./config/rules/duration.ts";

/** In milliseconds; 0 where nothing was asked for. @throws ZdrError `usage`. */
export function waitMsOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const parsed = parseDuration(text);
  if ("ok" in parsed) return parsed.ok;
  const { problem, suggestion } = parsed;
  const hint = suggestion ?? 'a number with its unit: "--wait 90s", "--wait 5m"';
  throw new ZdrError({ kind: "usage", problem: `--wait ${JSON.stringify(text)} ${problem}`, hint });
}
