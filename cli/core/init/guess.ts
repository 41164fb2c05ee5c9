/** What stands in the deploy.yml of `zdr init` though nobody has said it, in words: each is to be looked at before the first deploy. */
import type { Found } from "./look.ts";
import type { Answers } from "./render.ts";

/** Answers that a flag gave, somebody at a terminal, or a sample that says so itself. */
export type Told = ReadonlySet<keyof Answers>;

/** One line for each key that is guessed, in the order of deploy.yml. */
export function guessesOf(found: Found | undefined, answers: Answers, told: Told): string[] {
  const { command, preset, health } = answers;
  const isLookedAt = found?.notes.some((note) => note.startsWith("the reload:")) === true;
  return [
    ...(found === undefined
      ? ["build: nothing here says what makes the build, and that it lies in build/ is a guess"]
      : []),
    ...(found === undefined && !told.has("command")
      ? [`command: that ${command} starts the program is a guess (zdr init --command)`]
      : []),
    ...(found?.isSeen === true || isLookedAt || told.has("preset")
      ? []
      : [
          `reload: nothing here says how the program takes a new release: ${preset} always works, and has a gap (zdr init --reload)`,
        ]),
    ...(health === undefined || told.has("health") ? [] : [healthGuess(health, command)]),
  ];
}

function healthGuess(url: string, command: string): string {
  // Then the program listens where deploy.yml says; else that is known to the program alone.
  const what = command.includes("HOST:PORT") ? "the port that the command is given" : "that it listens there";
  return `health: ${url} is a guess: ${what}, and that this path tells whether it is healthy (zdr init --health URL, or none)`;
}
