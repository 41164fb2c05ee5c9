/** `reload:` of a program, from a preset's name or from its parts. */
import { PRESET_NAMES, type RELOAD_SIGNALS, type ReloadPlan, STRATEGY_NAMES } from "../../../../agent/protocol.ts";
import { didYouMean } from "../../closest.ts";
import { type Checked, complain } from "./checked.ts";

type PresetName = (typeof PRESET_NAMES)[number];
type StrategyName = (typeof STRATEGY_NAMES)[number];
type ReloadSignal = (typeof RELOAD_SIGNALS)[number];

/** What a preset says where deploy.yml says nothing: the same as agent/core/presets.ts. */
export const PRESET_DEFAULTS: Readonly<Record<PresetName, ReloadPlan>> = {
  overseer: { preset: "overseer", strategy: "slot", signal: "USR2", drainMs: 30_000 },
  gunicorn: { preset: "gunicorn", strategy: "signal", signal: "HUP", drainMs: 30_000 },
  restart: { preset: "restart", strategy: "restart", drainMs: 10_000 },
};

/** How long the old generation may take, by strategy, where no preset says it. */
const DRAIN_MS: Readonly<Record<StrategyName, number>> = { signal: 30_000, slot: 30_000, restart: 10_000 };

export interface ReloadParts {
  readonly preset?: PresetName | undefined;
  readonly strategy?: StrategyName | undefined;
  readonly signal?: ReloadSignal | undefined;
  readonly drain?: number | undefined;
}

export function checkReload(input: string | ReloadParts): Checked<ReloadPlan> {
  return typeof input === "string" ? presetNamed(input) : reloadOf(input);
}

function presetNamed(name: string): Checked<ReloadPlan> {
  const preset = PRESET_NAMES.find((known) => known === name);
  if (preset !== undefined) return { ok: PRESET_DEFAULTS[preset] };
  const isStrategy = STRATEGY_NAMES.some((strategy) => strategy === name);
  const suggestion = isStrategy ? `write { strategy: ${name}, signal: … }` : didYouMean(name, PRESET_NAMES);
  return complain(isStrategy ? "names a strategy, not a preset" : `is none of ${PRESET_NAMES.join(", ")}`, suggestion);
}

function reloadOf({ preset, strategy, signal, drain }: ReloadParts): Checked<ReloadPlan> {
  if (preset !== undefined && strategy !== undefined) {
    return { ...complain("has both, but a preset has its strategy already", "remove one of them"), at: ["strategy"] };
  }
  const defaults = preset === undefined ? undefined : PRESET_DEFAULTS[preset];
  const chosen = defaults?.strategy ?? strategy;
  if (chosen === undefined) {
    return complain(
      "names neither a preset nor a strategy",
      `presets: ${PRESET_NAMES.join(", ")}; strategies: ${STRATEGY_NAMES.join(", ")}`,
    );
  }
  if (chosen === "restart" && signal !== undefined) {
    return { ...complain("is sent by no restart, which stops and starts the program"), at: ["signal"] };
  }
  const sent = signal ?? defaults?.signal;
  if (chosen !== "restart" && sent === undefined) {
    return { ...complain(`is missing: strategy ${chosen} reloads by one`, "such as HUP or USR2"), at: ["signal"] };
  }
  return {
    ok: {
      ...(preset && { preset }),
      strategy: chosen,
      ...(sent && { signal: sent }),
      drainMs: drain ?? defaults?.drainMs ?? DRAIN_MS[chosen],
    },
  };
}
