/** Which hooks a deploy would run, where and when, in their order. */
import { HOOK_EVENTS, type HookEvent } from "../../../agent/wire/plan.ts";
import type { Config } from "../config.ts";
import { formatMs } from "../report/units.ts";

export interface PlannedHook {
  readonly when: HookEvent;
  readonly command: string;
  /** `here`: beside deploy.yml. Otherwise hosts, by their names. */
  readonly on: "here" | readonly string[];
  readonly timeoutMs: number;
  /** What it costs where it fails. */
  readonly ifItFails: "stops the deploy" | "reverts" | "a warning";
  /** Only where a release is not kept. */
  readonly isOfRevert: boolean;
}

const BEFORE_FLIP: ReadonlySet<HookEvent> = new Set(["before_stage", "after_stage", "before_activate"]);
const COSTS_RELEASE: ReadonlySet<HookEvent> = new Set(["after_activate", "before_keep"]);

/** `hosts`: on which there is something to do; with none of them no hook runs. */
export function plannedHooks(hooks: Config["hooks"], hosts: readonly string[]): PlannedHook[] {
  const [first] = hosts;
  if (first === undefined) return [];
  return HOOK_EVENTS.flatMap((when) => {
    const own = (hooks[when] ?? []).map(({ argv, on, once, timeout, on_failure }) => ({
      ...{ when, command: commandOf(argv), timeoutMs: timeout, ifItFails: costOf(when, on_failure) },
      on: on === "local" ? ("here" as const) : once ? [first] : hosts,
      isOfRevert: when === "before_revert" || when === "after_revert",
      order: orderOf(when, on === "local" ? "here" : once ? "once" : "each"),
    }));
    return own.sort((a, b) => a.order - b.order).map(({ order: _, ...hook }) => hook);
  });
}

/** Ahead of the flip each host's own come last; of what comes after all was decided, they are the end of its activation, and come first. */
function orderOf(when: HookEvent, where: "here" | "once" | "each"): number {
  const isDecided = when === "after_keep" || when === "after_revert";
  if (where === "each") return isDecided ? 0 : 3;
  return where === "here" ? 1 : 2;
}

export function costOf(when: HookEvent, onFailure: "revert" | "warn"): PlannedHook["ifItFails"] {
  if (BEFORE_FLIP.has(when)) return "stops the deploy";
  return COSTS_RELEASE.has(when) && onFailure === "revert" ? "reverts" : "a warning";
}

/** A line for sh is told as it was written. */
function commandOf(argv: readonly string[]): string {
  const [shell, flag, line, ...more] = argv;
  return shell === "/bin/sh" && flag === "-c" && line !== undefined && more.length === 0 ? line : argv.join(" ");
}

/** One line for each, under a heading; none without hooks. */
export function hookLines(hooks: readonly PlannedHook[], hosts: readonly string[]): string[] {
  const lines = hooks.map(({ when, command, on, timeoutMs, ifItFails, isOfRevert }) => {
    const where = on === "here" ? "here" : on.length === hosts.length && hosts.length > 1 ? "each host" : on.join(", ");
    const only = isOfRevert ? ", only where it goes back" : "";
    return `  ${when}, ${where}: ${command} (${formatMs(timeoutMs)} at most; if it fails: ${ifItFails}${only})`;
  });
  return lines.length === 0 ? [] : ["hooks:", ...lines];
}
