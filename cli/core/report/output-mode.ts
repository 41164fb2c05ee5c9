/** How a command shows itself. */

/**
 * `tree`: changes in place, on a terminal. `plain`: one line for each fact; `github`, `gitlab`: those lines, with what these
 * two make of some of them. `json`: NDJSON events on stdout.
 */
export type OutputMode = "tree" | "plain" | "github" | "gitlab" | "json";

export interface Surroundings {
  /** Whether stderr is a terminal: progress goes there and nowhere else. */
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function chooseMode({ isTTY, env, json }: Surroundings & { readonly json: boolean }): OutputMode {
  if (json) return "json";
  if (isSet(env.GITHUB_ACTIONS)) return "github";
  if (isSet(env.GITLAB_CI)) return "gitlab";
  return isTTY && env.TERM !== "dumb" && !isSet(env.CI) ? "tree" : "plain";
}

/** https://no-color.org (set and not empty); FORCE_COLOR wins over it, as in Node itself (tty.getColorDepth). */
export function chooseColor({ isTTY, env }: Surroundings): boolean {
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  if (isSet(env.NO_COLOR)) return false;
  return isTTY && env.TERM !== "dumb";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
