/** Plans as the CLI would send them, with only what a test is about spelled out. */
import { PRESETS } from "../../agent/core/presets.ts";
import type { ProgramPlan, ProjectPlan } from "../../agent/protocol.ts";

type PresetName = keyof typeof PRESETS;

/** A program `shop` with a preset's own strategy, signal and drain limit. */
export function programPlan(preset: PresetName, changes: Partial<ProgramPlan> = {}): ProgramPlan {
  const { strategy, signal, drainMs } = PRESETS[preset];
  return {
    name: "shop",
    process: "shop",
    command: ["bin/shop", "-addr", ":8080"],
    reload: { preset, strategy, drainMs, ...(signal === undefined ? {} : { signal }) },
    environment: {},
    autostart: true,
    startSeconds: 2,
    stopSeconds: 30,
    watchMs: 0,
    ...changes,
  };
}

export function projectPlan(
  deployTo: string,
  programs: ProgramPlan[],
  changes: Partial<ProjectPlan> = {},
): ProjectPlan {
  return {
    project: "shop",
    deployTo,
    supervisor: {},
    programs,
    shared: { dirs: [], files: [] },
    keep: 5,
    modes: "normalize",
    proof: "best",
    ...changes,
  };
}
