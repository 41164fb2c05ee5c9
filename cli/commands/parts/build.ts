/** The build of a deploy, made by `build.run` where that is wanted, and this command's alone until it lets go of it. */
import { describeBuildHolder } from "../../core/build-holder.ts";
import { formatMs } from "../../core/report/units.ts";
import { waitMsOf } from "../../core/wait.ts";
import { ZdrError } from "../../failure.ts";
import { runBuildCommand } from "../../io/build/build-command.ts";
import type { BuildLock } from "../../io/build/build-lock.ts";
import type { Run } from "../../run.ts";
import type { Opened } from "./open.ts";
import { cacheFolderOf } from "./remember.ts";

export interface BuildOptions {
  readonly tag: string;
  /** False: what lies at build.path is taken, without running build.run. */
  readonly build?: boolean;
  /** Longer than this is waited where `--wait` says so. */
  readonly wait?: string;
  readonly dryRun?: boolean | "plan";
}

/** As long as most builds take, and sending them. */
const BUILD_WAIT_MS = 15 * 60 * 1000;

/**
 * Builds. Until `release`, no other zdr of this user builds there; once all has been built, others may read it meanwhile.
 * @throws ZdrError `build-held`, `build-command`, `interrupted`.
 */
export async function holdBuild(run: Run, { config }: Opened, options: BuildOptions): Promise<BuildLock> {
  const { run: command, path } = config.build;
  const builds = command !== undefined && options.build !== false;
  const stop = new AbortController();
  const undo = run.interrupt.onFirst(() => stop.abort(run.interrupt.signal));
  let held: BuildLock | undefined;
  try {
    const { lockBuild } = await import("../../io/build/build-lock.ts");
    held = await lockBuild({
      ...{ cacheFolder: cacheFolderOf(run), build: path, use: builds ? "build" : "read", stop: stop.signal },
      holder: { pid: process.pid, why: `${verbOf(options)} ${options.tag}`, since: new Date().toISOString() },
      waitMs: Math.max(BUILD_WAIT_MS, waitMsOf(options.wait)),
      onWait: (holder, leftMs) => {
        const text = `waits for another zdr that has the build: ${describeBuildHolder(holder)}, up to ${formatMs(leftMs)}`;
        run.output.report({ kind: "note", text });
      },
    });
    const { trouble } = held;
    // What nobody builds here needs no lock.
    if (trouble !== undefined && command !== undefined) {
      const text = `the build is not locked, so no other zdr may build there now: ${trouble}`;
      run.output.report({ kind: "warning", text });
    }
    if (!builds) return held;
    run.output.report({ kind: "note", text: `building: ${command}` });
    const env = { ...run.env, ZDR_TAG: options.tag };
    await runBuildCommand(config, { stop: stop.signal, isWatched: run.canAsk, env });
    await held.share();
    return held;
  } catch (error) {
    held?.release();
    const { signal } = run.interrupt;
    throw signal === undefined ? error : new ZdrError({ kind: "interrupted", signal }, error);
  } finally {
    undo();
  }
}

function verbOf({ dryRun }: BuildOptions): string {
  if (dryRun === "plan") return "plan";
  return dryRun ? "dry run of" : "deploy";
}
