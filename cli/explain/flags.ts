/** The flags of a command, for another one on the same hosts by the same config: so that it can be pasted. */
import type { GivenFlags } from "../failure.ts";
import { shellWord } from "./words.ts";

/** As they were given, with a blank before each; empty: none was. */
export function sameHosts({ config, environment, host, role, label, except }: GivenFlags): string {
  const flags = {
    ...{ "-c": [config], "-e": [environment] },
    ...{ "--host": host, "--role": role, "--label": label, "--except": except },
  };
  return Object.entries(flags)
    .map(([flag, given = []]) => ({
      flag,
      words: given.flatMap((word) => (word === undefined ? [] : shellWord(word))),
    }))
    .flatMap(({ flag, words }) => (words.length === 0 ? [] : ` ${flag} ${words.join(" ")}`))
    .join("");
}
