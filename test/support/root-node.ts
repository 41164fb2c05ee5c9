import { chmod, copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** A Node that is root's alone: the one that runs the tests may lie in somebody's home. */
export async function installNode(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const folder = `/usr/local/lib/zdr-test-${process.pid}`;
  await mkdir(folder, { mode: 0o755 });
  await copyFile(process.execPath, join(folder, "node"));
  await chmod(join(folder, "node"), 0o755);
  return { path: join(folder, "node"), remove: () => rm(folder, { recursive: true, force: true }) };
}
