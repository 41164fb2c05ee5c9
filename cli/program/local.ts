/** The verbs that ask no host: about deploy.yml itself, and about this command line. */
import { treeOf } from "./tree.ts";
import { type Command, LOCAL_EXIT_CODES, localVerb, type Take } from "./verb.ts";

export function addSchema(program: Command, take: Take): void {
  localVerb(
    program,
    "schema",
    "print the JSON Schema of deploy.yml, for editors",
    [
      "zdr schema > deploy.schema.json",
      "# yaml-language-server: $schema=./deploy.schema.json     as the first line of deploy.yml",
    ],
    LOCAL_EXIT_CODES,
  ).action(() =>
    take({
      ...{ json: false, quiet: true },
      run: async (run) => (await import("../commands/schema.ts")).schema(run),
    }),
  );
}

export function addExplain(program: Command, take: Take): void {
  localVerb(
    program,
    "explain",
    "say what a key of deploy.yml is for, what it may be, and what it is if left out",
    [
      "zdr explain                        the keys at the top",
      "zdr explain programs.shop.reload",
      "zdr explain drain                  wherever it stands",
    ],
    LOCAL_EXIT_CODES,
  )
    .argument("[key]", "as it is written: rollout.batch, programs.shop.health, hosts[0].port")
    .action((key: string | undefined) =>
      take({
        ...{ json: false, quiet: true },
        run: async (run) => (await import("../commands/schema.ts")).explainKey(run, key),
      }),
    );
}

export function addCompletion(program: Command, take: Take): void {
  localVerb(
    program,
    "completion",
    "print what a shell needs to complete verbs, flags, hosts, programs and tags",
    ["source <(zdr completion bash)", "zdr completion fish > ~/.config/fish/completions/zdr.fish"],
    LOCAL_EXIT_CODES,
  )
    .argument("<shell>", "bash, zsh or fish")
    .action((shell: string) =>
      take({
        ...{ json: false, quiet: true },
        run: async (run) => (await import("../commands/completion.ts")).completion(run, shell),
      }),
    );
  // What the shells ask.
  program
    .command("complete", { hidden: true })
    .argument("[word...]")
    .action((words: string[]) =>
      take({
        ...{ json: false, quiet: true },
        run: async (run) => (await import("../commands/completion.ts")).answerShell(run, treeOf(program), words),
      }),
    );
}
