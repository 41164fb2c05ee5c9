/** The package that `npm pack` makes of the build that the tests run, and a folder into which it is installed. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOk } from "../processes.ts";
import type { Cleanup } from "../rig.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const NPM_TIMEOUT_MS = 120_000;

export interface PackedFile {
  readonly path: string;
  readonly mode: number;
}

export interface Packed {
  /** The .tgz. */
  readonly file: string;
  readonly contents: readonly PackedFile[];
  /** What is in effect when npm is run: a prefix of its own, no network, and no configuration of whoever runs the tests. */
  readonly npmEnv: Readonly<Record<string, string | undefined>>;
  /** The folder of commands under that prefix. */
  readonly bin: string;
}

export async function packZdr(cleanup: Cleanup): Promise<Packed> {
  const dir = await mkdtemp(join(tmpdir(), "zdr-package-"));
  cleanup.after(() => rm(dir, { recursive: true, force: true }));
  const npmEnv = {
    // The npm that scripts/setup.sh has fetched comes before a distribution's, which runs on no other Node than its own.
    PATH: [
      dirname(process.execPath),
      join(dir, "prefix/bin"),
      join(ROOT, ".node/node_modules/.bin"),
      process.env.PATH,
    ].join(":"),
    npm_config_prefix: join(dir, "prefix"),
    npm_config_cache: join(dir, "cache"),
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
    npm_config_userconfig: join(dir, "npmrc"),
  };
  const pack = ["npm", "pack", "--ignore-scripts", "--json", "--pack-destination", dir] as const;
  const said = await runOk([...pack], { cwd: ROOT, env: npmEnv, timeoutMs: NPM_TIMEOUT_MS });
  const parsed: unknown = JSON.parse(said);
  // npm 12 gives an object by package name, those before it a list.
  const [one] = Object.values(parsed as Record<string, { filename: string; files: PackedFile[] }>);
  if (one === undefined) throw new Error(`npm pack made nothing: ${said}`);
  return { file: join(dir, one.filename), contents: one.files, npmEnv, bin: join(dir, "prefix/bin") };
}
