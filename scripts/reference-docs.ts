/**
 * Makes docs/reference.md and docs/zdr.1 from the commander tree and the schema of deploy.yml. With `--check` it only says
 * whether they are what those two say.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configJsonSchema } from "../cli/core/config/json-schema.ts";
import { keysOf } from "../cli/core/reference/keys.ts";
import { treeOf } from "../cli/program/tree.ts";
import { buildProgram } from "../cli/program.ts";
import { manPage } from "./reference/man.ts";
import { referencePage } from "./reference/markdown.ts";

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const { version }: { version: string } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const tree = treeOf(buildProgram(version, () => {}));
const PAGES: Readonly<Record<string, string>> = {
  "docs/reference.md": referencePage(tree, keysOf(configJsonSchema())),
  "docs/zdr.1": manPage(tree, version),
};

for (const [path, page] of Object.entries(PAGES)) {
  if (!process.argv.includes("--check")) writeFileSync(at(path), page);
  else if (textOf(path) !== page) {
    process.stderr.write(
      `${path} is not what the command line and the schema say: run node scripts/reference-docs.ts\n`,
    );
    process.exitCode = 1;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(at(path), "utf8");
  } catch {
    return undefined;
  }
}
