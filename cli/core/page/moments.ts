/** The moments of an activation, each with the letter that marks it in a chart. */
import type { ActivationTrace, Moment } from "../../../agent/wire/trace/trace.ts";

export interface MarkedMoment {
  /** Since the flip. */
  readonly atMs: number;
  readonly letter: string;
  readonly words: string;
}

const LETTERS: Readonly<Record<string, string>> = {
  ...{ flip: "F", ready: "R", drained: "D", kept: "K" },
  ...{ failed: "X", reverted: "V", stuck: "!" },
};

/** In words, where the name says too little. */
const WORDS: Readonly<Record<string, string>> = {
  flip: "flip: current names the new release",
  ready: "ready: proved to run the release, and healthy",
  drained: "drained: the last old process had gone",
  kept: "kept: the ledger calls the release good",
  failed: "failed: from here on it goes back",
  reverted: "reverted: as before, proved",
  stuck: "stuck: neither could be proved",
};

/** From `failed` on it is the old release that gets ready, and the failed one that goes. */
const WORDS_OF_WAY_BACK: Readonly<Record<string, string>> = {
  ...WORDS,
  ready: "ready: the old release again, proved, and healthy",
  drained: "drained: the last process of the failed release had gone",
};

/** More than can be told apart. */
const SHOWN = 40;

/** Those of the host and of one program, in their order. Of too many, the host's own come first: how it ended is among them. */
export function momentsOf({ moments }: ActivationTrace, program: string): MarkedMoment[] {
  const own = moments.filter((moment) => moment.program === undefined).slice(0, SHOWN);
  const its = moments.filter((moment) => moment.program === program).slice(0, SHOWN - own.length);
  const failedMs = own.find(({ what }) => what === "failed")?.atMs ?? Number.POSITIVE_INFINITY;
  return [...own, ...its]
    .sort((a, b) => a.atMs - b.atMs)
    .map((moment) => marked(moment, moment.atMs >= failedMs ? WORDS_OF_WAY_BACK : WORDS));
}

function marked({ atMs, what, pid, detail }: Moment, words: Readonly<Record<string, string>>): MarkedMoment {
  const own = Object.hasOwn(LETTERS, what);
  const letter = own ? (LETTERS[what] ?? "") : what.startsWith("hook ") ? "H" : "S";
  const more = [...(pid === undefined ? [] : [`pid ${pid}`]), ...(detail === undefined ? [] : [detail])].join(", ");
  return { atMs, letter, words: `${own ? words[what] : what}${more === "" ? "" : ` (${more})`}` };
}
