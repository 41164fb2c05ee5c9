/** `reload:` of a program, from a preset's name or from its parts. */
import { PRESET_NAMES, type RELOAD_SIGNALS, type ReloadPlan, STRATEGY_NAMES } from "../../../../agent/wire/plan.ts";
import { didYouMean } from "../../closest.ts";
import { type Checked, type Complaint, complain } from "./checked.ts";

type PresetName = (typeof PRESET_NAMES)[number];
type StrategyName = (typeof STRATEGY_NAMES)[number];
type ReloadSignal = (typeof RELOAD_SIGNALS)[number];

/** What a preset says where deploy.yml says nothing: the same as agent/core/presets.ts. */
export const PRESET_DEFAULTS: Readonly<Record<PresetName, ReloadPlan>> = {
  overseer: { preset: "overseer", strategy: "slot", signal: "USR2", drainMs: 30_000 },
  "overseer-watch": { preset: "overseer-watch", strategy: "watch", signal: "USR2", drainMs: 30_000 },
  grace: { preset: "grace", strategy: "handover", signal: "USR2", drainMs: 60_000 },
  endless: { preset: "endless", strategy: "handover", signal: "HUP", oldSignal: "TERM", drainMs: 60_000 },
  gracehttp: { preset: "gracehttp", strategy: "handover", signal: "USR2", drainMs: 60_000 },
  tableflip: { preset: "tableflip", strategy: "handover", signal: "HUP", drainMs: 60_000 },
  reuseport: { preset: "reuseport", strategy: "handover", signal: "USR2", oldSignal: "QUIT", drainMs: 30_000 },
  "graceful-url": { preset: "graceful-url", strategy: "http", drainMs: 30_000 },
  gunicorn: { preset: "gunicorn", strategy: "signal", signal: "HUP", drainMs: 30_000 },
  uwsgi: { preset: "uwsgi", strategy: "signal", signal: "HUP", drainMs: 60_000 },
  unicorn: { preset: "unicorn", strategy: "signal", signal: "HUP", drainMs: 60_000 },
  puma: { preset: "puma", strategy: "signal", signal: "USR1", drainMs: 30_000 },
  "server-starter": { preset: "server-starter", strategy: "signal", signal: "HUP", drainMs: 30_000 },
  einhorn: { preset: "einhorn", strategy: "signal", signal: "HUP", drainMs: 30_000 },
  node: { preset: "node", strategy: "socket", drainMs: 30_000 },
  "systemd-socket": { preset: "systemd-socket", strategy: "socket", drainMs: 30_000 },
  bluegreen: { preset: "bluegreen", strategy: "bluegreen", drainMs: 30_000 },
  rolling: { preset: "rolling", strategy: "rolling", drainMs: 30_000 },
  restart: { preset: "restart", strategy: "restart", drainMs: 10_000 },
};

/** How long the old generation may take, by strategy, where no preset says it. */
const DRAIN_MS: Readonly<Record<StrategyName, number>> = {
  ...{ signal: 30_000, slot: 30_000, watch: 30_000, handover: 30_000, http: 30_000, socket: 30_000 },
  ...{ bluegreen: 30_000, rolling: 30_000, restart: 10_000 },
};

/** Those that reload by a signal. */
const SIGNALLED: ReadonlySet<StrategyName> = new Set(["signal", "slot", "watch", "handover"]);

/** What the keeper of a program passes on, besides the signals that stop it. */
const PASSED: ReadonlySet<ReloadSignal> = new Set(["HUP", "USR1", "USR2", "QUIT", "WINCH", "TTIN", "TTOU"]);
/** What ends an old generation. */
const ENDING: ReadonlySet<ReloadSignal> = new Set(["TERM", "INT", "QUIT"]);

export interface ReloadParts {
  readonly preset?: PresetName | undefined;
  readonly strategy?: StrategyName | undefined;
  readonly signal?: ReloadSignal | undefined;
  readonly old_signal?: ReloadSignal | undefined;
  readonly url?: string | undefined;
  readonly drain?: number | undefined;
  readonly past_drain?: "end" | "leave" | undefined;
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

function reloadOf(parts: ReloadParts): Checked<ReloadPlan> {
  const { preset, strategy, signal, drain } = parts;
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
  const sent = signal ?? defaults?.signal;
  const complaint = signalComplaint(chosen, sent) ?? otherComplaint(chosen, parts);
  if (complaint !== undefined) return complaint;
  const oldSignal = parts.old_signal ?? defaults?.oldSignal;
  return {
    ok: {
      ...(preset && { preset }),
      strategy: chosen,
      ...(sent && { signal: sent }),
      ...(oldSignal && { oldSignal }),
      ...(parts.url !== undefined && { url: parts.url }),
      drainMs: drain ?? defaults?.drainMs ?? DRAIN_MS[chosen],
      ...(parts.past_drain && { pastDrain: parts.past_drain }),
    },
  };
}

function signalComplaint(strategy: StrategyName, signal: ReloadSignal | undefined): Complaint | undefined {
  const at = ["signal"];
  if (SIGNALLED.has(strategy)) {
    if (signal === undefined) {
      return { ...complain(`is missing: strategy ${strategy} reloads by one`, "such as HUP or USR2"), at };
    }
    if (strategy !== "handover" || PASSED.has(signal)) return undefined;
    return { ...complain(`is none of ${[...PASSED].join(", ")}: the others stop the program`), at };
  }
  if (signal === undefined) return undefined;
  if (strategy === "restart") return { ...complain("is sent by no restart, which stops and starts the program"), at };
  return { ...complain(`is sent by no strategy ${strategy}`), at };
}

function otherComplaint(strategy: StrategyName, parts: ReloadParts): Complaint | undefined {
  const { preset, old_signal, url, past_drain } = parts;
  if (past_drain !== undefined && strategy === "restart") {
    return { ...complain("is of no use: a restart ends the old process first"), at: ["past_drain"] };
  }
  if (url !== undefined && strategy !== "http") return { ...complain("is asked by strategy http only"), at: ["url"] };
  if (url === undefined && strategy === "http" && preset === undefined) {
    return { ...complain("is missing: strategy http reloads by asking it"), at: ["url"] };
  }
  if (old_signal === undefined) return undefined;
  if (strategy !== "handover" && strategy !== "http") {
    return { ...complain("is sent by strategies handover and http only"), at: ["old_signal"] };
  }
  if (!ENDING.has(old_signal)) return { ...complain(`is none of ${[...ENDING].join(", ")}`), at: ["old_signal"] };
  return undefined;
}
