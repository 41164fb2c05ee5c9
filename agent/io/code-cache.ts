/**
 * What V8 made of this agent, kept beside it for the next time.
 *
 * V8 compiles a function when it is first called, and that is a third of what a short session costs. The cache is made at
 * the end of a session and holds every function that was called in it, so each command has its own. The loader
 * (cli/io/session/bootstrap.ts) believes one only in a folder of this very user that nobody else can write to, and only with its
 * hash in front; V8 refuses one of another V8.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Script } from "node:vm";
import { PRIVATE_DIR_MODE, PRIVATE_FILE_MODE } from "../core/layout.ts";
import { temporaryBeside } from "./files.ts";

export interface CodeCache {
  /** `.zdr/code-cache/agent-<hash>.cjs-<use>`. */
  readonly path: string;
  readonly script: Script;
}

/** Never fails: without a cache the next session is only slower. Caches of other agents go. */
export function saveCodeCache({ path, script }: CodeCache): void {
  const folder = dirname(path);
  const agent = basename(path).replace(/-[^-]*$/, "");
  try {
    if (!existsSync(folder)) mkdirSync(folder, { mode: PRIVATE_DIR_MODE });
    const code = script.createCachedData();
    const temporary = temporaryBeside(path);
    writeFileSync(temporary, Buffer.concat([createHash("sha256").update(code).digest(), code]), {
      mode: PRIVATE_FILE_MODE,
      flag: "wx",
    });
    renameSync(temporary, path);
    for (const other of readdirSync(folder)) if (!other.startsWith(agent)) rmSync(join(folder, other));
  } catch {
    // No room, no rights, or another session was quicker.
  }
}
