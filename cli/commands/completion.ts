/** `zdr completion SHELL`, and what such a shell asks while somebody types. No host is asked: an answer has to come at once. */
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { complete, FILES, type Known } from "../core/reference/completion.ts";
import { FILES_LINE, SHELL_SCRIPTS, SHELLS, type Shell } from "../core/reference/shells.ts";
import type { ProgramTree } from "../core/reference/tree.ts";
import { ZdrError } from "../failure.ts";
import type { Run } from "../run.ts";
import { cacheFolderOf } from "./parts/remember.ts";

export async function completion(run: Run, shell: string): Promise<ExitCode> {
  if (!isShell(shell)) {
    const hint = `it knows ${SHELLS.join(", ")}`;
    throw new ZdrError({ kind: "usage", problem: `zdr can not complete in ${JSON.stringify(shell)}`, hint });
  }
  run.output.result(SHELL_SCRIPTS[shell], { shell, script: SHELL_SCRIPTS[shell] });
  return EXIT.done;
}

export async function answerShell(run: Run, tree: ProgramTree, words: readonly string[]): Promise<ExitCode> {
  const { readKnown } = await import("../io/known-names.ts");
  const at = words.findLastIndex((word) => word === "-c" || word === "--config");
  const path = at < 0 || at === words.length - 1 ? undefined : words[at + 1];
  const known = await readKnown({ cwd: run.cwd, path, bundles: run.bundles, cacheFolder: cacheFolderOf(run) });
  const found = complete(tree, words, (): Known => known);
  const lines = found === FILES ? [FILES_LINE] : found.map(({ text, help }) => `${text}\t${help}`);
  run.output.result(lines.map((line) => `${line}\n`).join(""), lines);
  return EXIT.done;
}

function isShell(text: string): text is Shell {
  return (SHELLS as readonly string[]).includes(text);
}
