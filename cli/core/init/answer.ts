/** Whether an answer will do, before the next question is asked: by the very check that deploy.yml goes through. */
import { ZdrError } from "../../failure.ts";
import { parseConfig } from "../config.ts";
import type { Found } from "./look.ts";
import { type Answers, renderDeployYml } from "./render.ts";

/** What is answered, with where deploy.yml has it. */
const PLACES: Readonly<Record<keyof Answers, RegExp>> = {
  project: /^project\b/,
  hosts: /^hosts\b/,
  deployTo: /^deploy_to\b/,
  preset: /^programs\.[^.]+\.reload\b/,
  command: /^programs\.[^.]+\.command\b/,
  health: /^programs\.[^.]+\.health\b/,
};

/** The flag that says the same. */
const FLAGS: Readonly<Record<keyof Answers, string>> = {
  ...{ project: "--project", hosts: "--on", deployTo: "--deploy-to", preset: "--reload", command: "--command" },
  health: "--health",
};

/** What will not do of all answers together: by the flag to give, since there is no deploy.yml yet that has a line for it. */
export function flagProblems(found: Found | undefined, answers: Answers): string[] {
  const keys = Object.keys(FLAGS) as (keyof Answers)[];
  return keys.flatMap((key) => {
    const problem = answerProblem(found, answers, key);
    return problem === undefined ? [] : [`${FLAGS[key]}: ${problem}`];
  });
}

/** In the place of what has not been answered yet. */
const UNASKED: Answers = {
  ...{ project: "shop", deployTo: "/data/web/shop", hosts: ["local"], preset: "restart", command: "bin/shop" },
  health: undefined,
};

/** Why deploy.yml would be refused for the answer to `key`, in words; undefined: it would not. `so far`: with that answer. */
export function answerProblem(
  found: Found | undefined,
  soFar: Partial<Answers>,
  key: keyof Answers,
): string | undefined {
  const answers = { ...UNASKED, ...soFar };
  // A list of none would be another file.
  if (key === "hosts" && answers.hosts.every((host) => host === "")) return "names no host";
  try {
    parseConfig(renderDeployYml(found, answers), "deploy.yml");
    return undefined;
  } catch (error) {
    if (!(error instanceof ZdrError) || error.failure.kind !== "config") throw error;
    const own = error.failure.problems.find(({ path }) => PLACES[key].test(path));
    if (own === undefined) return undefined;
    return own.suggestion === undefined ? own.problem : `${own.problem} (${own.suggestion})`;
  }
}
