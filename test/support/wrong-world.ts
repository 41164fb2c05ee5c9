/** What every failure owes to whoever reads it, and what it must have left of a host. */
import assert from "node:assert/strict";
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { ReleaseInfo } from "../../agent/wire/release.ts";
import { answerAt } from "./load/ask.ts";
import type { RunResult } from "./processes.ts";
import type { Rig } from "./rig.ts";

export interface Told {
  readonly exit: number;
  /** Words that must stand in the lines of each kind. */
  readonly error: RegExp;
  /** Absent: no host was reached, so there is nothing to say of any. */
  readonly state?: RegExp;
  readonly hint?: RegExp;
  readonly log?: RegExp;
}

/** The command failed as it should, and said what failed, what state was left and what to do. */
export function assertTold(result: RunResult, { exit, error, state, hint, log }: Told): void {
  const { code, stderr } = result;
  assert.equal(code, exit, stderr);
  assert.match(linesOf(stderr, "error"), error);
  if (state !== undefined) assert.match(linesOf(stderr, "state"), state);
  if (hint !== undefined) assert.match(linesOf(stderr, "hint"), hint);
  if (log !== undefined) assert.match(linesOf(stderr, "log"), log);
  // What JavaScript puts into a text when a value is missing, and stacks, are for nobody.
  assert.doesNotMatch(linesOf(stderr, "error|state|hint"), /\bundefined\b|\bnull\b|\bNaN\b|\[object|\bat .*\.c?js:\d+/);
}

/** The lines of one kind, without their marks. */
export function linesOf(stderr: string, kind: string): string {
  const mark = new RegExp(`^zdr: (?:${kind}): +`);
  return stderr
    .split("\n")
    .filter((line) => mark.test(line))
    .map((line) => line.replace(mark, ""))
    .join("\n");
}

/** The last line of `--json`. */
export function resultOf<T>(result: RunResult): T {
  const last = result.stdout.trim().split("\n").at(-1) ?? "";
  return JSON.parse(last).data as T;
}

export async function releasesOf(rig: Rig): Promise<readonly ReleaseInfo[]> {
  const { hosts } = resultOf<{ hosts: { releases: ReleaseInfo[] }[] }>(await rig.zdr(["releases", "--json"]));
  return hosts[0]?.releases ?? [];
}

/** What answers now, asked on a connection of its own; undefined: nobody. */
export async function answerOf(url: string): Promise<string | undefined> {
  try {
    const { status, text } = await answerAt(`${url}/version`);
    return `${status} ${text}`;
  } catch {
    return undefined;
  }
}

export async function stateOfProgram(rig: Rig): Promise<string | undefined> {
  return (await rig.supervisord.ctl(["status", "shop"])).stdout.split(/\s+/)[1];
}

export interface Serving {
  /** The release that is current. */
  readonly tag: string;
  /** What the program answers as its release. */
  readonly answer: string;
}

/** The release serves, by everything that can be asked: its own answers, supervisor, `current`, the ledger, /proc. */
export async function assertServes(rig: Rig, url: string, { tag, answer }: Serving): Promise<void> {
  for (let request = 0; request < 5; request++) assert.equal(await answerOf(url), `200 ${answer}`);
  assert.equal(await stateOfProgram(rig), "RUNNING");
  assert.equal(await readlink(join(rig.deployTo, "current")), `releases/${tag}`);
  const current = (await releasesOf(rig)).find((release) => release.isCurrent);
  assert.deepEqual([current?.tag, current?.verdict, current?.runs], [tag, "good", ["shop"]]);
}

/** Nothing of a first deploy is left: the host is as `setup` left it. */
export async function assertNothingLeft(rig: Rig, url: string): Promise<void> {
  assert.equal(await answerOf(url), undefined);
  assert.equal(await stateOfProgram(rig), "STOPPED");
  const foldersOf = async (...paths: string[]) =>
    Promise.all(paths.map((path) => readdir(join(rig.deployTo, path)).catch(() => [])));
  const [top, ...below] = await foldersOf("", "releases", "run/shop", ".zdr/incoming", ".zdr/manifests");
  assert.deepEqual(top?.sort(), [".zdr", "releases", "run", "shared"]);
  assert.deepEqual(below, [[], [], [], []]);
  assert.deepEqual(await releasesOf(rig), []);
}
