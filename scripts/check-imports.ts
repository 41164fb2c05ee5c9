/** Holds the import directions of import-rules.ts on every TypeScript file of the repository. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { checkFiles, type SourceFile } from "./import-rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["cli", "agent", "scripts", "templates", "test"];

async function filesUnder(folder: string): Promise<SourceFile[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.[cm]?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (path) => ({
      path: relative(ROOT, path).split(sep).join("/"),
      text: await readFile(path, "utf8"),
    })),
  );
}

const files = (await Promise.all(FOLDERS.map(filesUnder))).flat();
const violations = checkFiles(files);
for (const { path, line, problem } of violations) process.stderr.write(`${path}:${line}: ${problem}\n`);
process.stdout.write(`import directions: ${files.length} files, ${violations.length} violations\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
