/** What zdr prints to be pasted into a shell: whatever a value holds, it is one word there, and nothing is run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shellWord as agentWord } from "../../../agent/core/supervisor/ctl.ts";
import { shellWord as cliWord } from "../../../cli/explain/words.ts";
import { NASTY_TEXTS } from "../../support/fuzz/mutate.ts";
import { runOk } from "../../support/processes.ts";

/** An argument can hold neither a NUL nor half a character. */
const WORDS = [
  ...NASTY_TEXTS,
  "$(echo pwned)",
  "a'b\"c",
  "'; echo pwned #",
  "`echo pwned`",
  "a\nb",
  "\\",
  "*",
  "!x",
  "{a,b}",
].filter((word) => !/[\0\p{Surrogate}]/u.test(word));

for (const shell of ["/bin/sh", "/bin/bash"]) {
  for (const [whose, shellWord] of [
    ["setup's commands", agentWord],
    ["hints", cliWord],
  ] as const) {
    test(`a hostile value in ${whose} is one word to ${shell}`, async () => {
      // A single ~ is somebody's home by intent: hints name files as the operator wrote them.
      const words = WORDS.filter((word) => shellWord === agentWord || !word.startsWith("~"));
      const script = words.map((word) => `printf '%s\\0' ${shellWord(word)}`).join("\n");
      assert.deepEqual((await runOk([shell, "-c", script])).split("\0").slice(0, -1), words);
    });
  }
}
