/** What is deployed in benchmarks: one large Go binary, and a tree of many small files. */
import { appendFile, chmod, cp, mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOk } from "../support/processes.ts";
import { buildSample, SAMPLE_BINARY } from "../support/samples.ts";

/** A Go web service with default flags. */
export const BINARY_BYTES = 34_000_000;
export const TREE_FILES = 12_000;
export const TREE_BYTES = 114_000_000;
const FILES_PER_FOLDER = 8;

/**
 * The overseer sample, made as large as a grown service: behind its end stand the Go toolchain's own binaries, so that it
 * compresses as Go binaries do. What stands behind an ELF file's last section is never loaded.
 */
export async function makeBinaryBuild(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(await buildSample("go-overseer", { release: "bench" }), folder, { recursive: true });
  const binary = join(folder, SAMPLE_BINARY["go-overseer"]);
  await chmod(binary, 0o755);
  const tools = (await runOk(["go", "env", "GOTOOLDIR"])).trim();
  let left = BINARY_BYTES - (await stat(binary)).size;
  for (const tool of ["compile", "link", "asm", "cgo"]) {
    const bytes = (await readFile(join(tools, tool))).subarray(0, left);
    await appendFile(binary, bytes);
    left -= bytes.length;
  }
  if (left > 0) throw new Error(`the Go toolchain's binaries are ${left} bytes too few`);
}

/** Makes it another build: the last bytes of its binary change. */
export async function stampBuild(folder: string, tag: string): Promise<void> {
  const file = await open(join(folder, SAMPLE_BINARY["go-overseer"]), "r+");
  const { size } = await file.stat();
  await file.write(tag.padEnd(32), size - 32).finally(() => file.close());
}

/**
 * The overseer sample with files around it as a Node service has them: small, a few in each folder, and all of them parts of
 * this repository's own packages, one behind the other, so that they compress as such a tree does.
 */
export async function makeTreeBuild(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(await buildSample("go-overseer", { release: "bench" }), folder, { recursive: true });
  const text = await packageText();
  const chance = chanceFrom(1);
  const sizes = Array.from({ length: TREE_FILES }, () => Math.exp(3 * chance()));
  const scale = TREE_BYTES / sizes.reduce((sum, size) => sum + size, 0);
  let at = 0;
  for (const [index, part] of sizes.entries()) {
    const parent = join(folder, "node_modules", `package-${Math.floor(index / FILES_PER_FOLDER)}`);
    if (index % FILES_PER_FOLDER === 0) await mkdir(parent, { recursive: true });
    const size = Math.round(part * scale);
    if (at + size > text.length) at = 0;
    await writeFile(join(parent, `${index}.js`), text.subarray(at, at + size));
    at += size;
  }
}

/** The text of all packages, as much of it as there is, in the order of their names. */
async function packageText(): Promise<Buffer> {
  const packages = fileURLToPath(new URL("../../node_modules", import.meta.url));
  const files = (await readdir(packages, { recursive: true, withFileTypes: true }))
    .filter((file) => file.isFile() && /\.(?:[cm]?js|[cm]?ts|json|md|map)$/.test(file.name))
    .map((file) => join(file.parentPath, file.name))
    .sort();
  const parts: Buffer[] = [];
  let left = TREE_BYTES;
  for (const file of files) {
    if (left <= 0) break;
    const part = await readFile(file);
    parts.push(part);
    left -= part.length;
  }
  return Buffer.concat(parts);
}

/** Makes it another build: every file of the tree changes. */
export async function stampTree(folder: string, tag: string): Promise<void> {
  const packages = join(folder, "node_modules");
  for (const name of await readdir(packages)) {
    for (const file of await readdir(join(packages, name))) {
      const handle = await open(join(packages, name, file), "r+");
      await handle.write(tag.padEnd(32), 0).finally(() => handle.close());
    }
  }
}

/** A generator of numbers in [0, 1) that are the same in every run (mulberry32). */
function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
