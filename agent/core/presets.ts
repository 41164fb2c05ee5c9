/**
 * What `reload:` may name. A preset is data: what its library does on a reload decides how zdr asks for one, what the
 * supervisor section must hold, and which mistakes are looked for. The measured behaviour behind each entry is told in
 * docs/; a new preset is one more entry, and needs code only where it brings a strategy or a lint of its own.
 */
import type { PRESET_NAMES, RELOAD_SIGNALS, STRATEGY_NAMES } from "../protocol.ts";

export type PresetName = (typeof PRESET_NAMES)[number];
export type StrategyName = (typeof STRATEGY_NAMES)[number];
export type ReloadSignal = (typeof RELOAD_SIGNALS)[number];

/** Checks that only some libraries need; agent/core/lint.ts says what each one looks at. */
export type PresetLint = "async-preemption" | "group-stop" | "chdir" | "preload";

/** What a strategy asks of `[program:x]`, whatever the library. Values may hold placeholders. */
export interface StrategySection {
  /** Where supervisor finds the program: through the link, or at the hard link in `run/<program>/`. */
  readonly command: "current" | "slot";
  /** A living process keeps the folder it was started in, so only a program that is restarted may stand in `current`. */
  readonly directory: "deploy-to" | "current";
}

/** A run of the release before the flip, by which it shows that it can start at all. */
export interface ReleaseCheck {
  /** argv; `{release}` and `{current}` both stand for the release that is checked. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What it must print, and nothing else; absent: exit status 0 is enough. */
  readonly expect?: string;
}

export interface Preset {
  readonly strategy: StrategyName;
  /** Whether supervisor's process only keeps the socket, and others accept. It stays through every reload. */
  readonly master: boolean;
  /** Whether a second reload is heard while the release of the first one hangs before it serves. */
  readonly hearsWhileHung: boolean;
  /** Absent: the strategy sends none. */
  readonly signal?: ReloadSignal;
  /** How long the library itself lets the old generation finish its requests. */
  readonly drainMs: number;
  /** What the library needs in its environment, comma-separated lists being added to, not replaced. */
  readonly environment: Readonly<Record<string, string>>;
  readonly lints: readonly PresetLint[];
  /** The check that the library itself brings, for a program of this command. */
  readonly check?: (command: readonly string[]) => ReleaseCheck;
  /** What the library can not do, for people who choose. One sentence, no full stop. */
  readonly cannot: string;
}

export const STRATEGY_SECTIONS: Record<StrategyName, StrategySection> = {
  signal: { command: "current", directory: "deploy-to" },
  slot: { command: "slot", directory: "deploy-to" },
  restart: { command: "current", directory: "current" },
};

export const PRESETS: Record<PresetName, Preset> = {
  // github.com/jpillora/overseer: re-executes os.Executable(), a realpath, so `current` would pin it to its first
  // release; proxies every signal, Go's own SIGURG too, and exits when one reaches a slave that has just gone.
  overseer: {
    strategy: "slot",
    master: true,
    // It waits for the slave that it asked to go, for all of TerminateTimeout (proc_master.go, triggerRestart).
    hearsWhileHung: false,
    signal: "USR2",
    drainMs: 30_000,
    environment: { GODEBUG: "asyncpreemptoff=1" },
    lints: ["async-preemption", "group-stop"],
    // overseer.Run prints the token and exits before anything else happens (overseer.go, sanityCheck).
    check: ([binary = ""]) => ({
      words: [binary.startsWith("{") || binary.startsWith("/") ? binary : `{release}/${binary}`],
      environment: { OVERSEER_BIN_CHECK: "zdr-check-7c1d0a52" },
      expect: "zdr-check-7c1d0a52",
    }),
    cannot: "overseer can not keep the old release when the new one crashes as it starts: the whole program ends",
  },
  // HUP starts new workers in the folder that the master remembers; with --preload they are copies of the old code.
  gunicorn: {
    strategy: "signal",
    master: true,
    hearsWhileHung: true,
    signal: "HUP",
    drainMs: 30_000,
    environment: {},
    lints: ["chdir", "preload"],
    // Imports the application as a worker would, which is where most broken releases break (gunicorn/app/base.py).
    check: (command) => ({ words: [...command, "--check-config"], environment: {} }),
    cannot: "gunicorn can not take a new version of itself or of its Python by HUP, only of the application",
  },
  restart: {
    strategy: "restart",
    master: false,
    hearsWhileHung: true,
    drainMs: 10_000,
    environment: {},
    lints: [],
    cannot: "a restart can not avoid a gap: nobody listens from the stop until the new process accepts",
  },
};

/** The preset's lints; a `reload:` that spells out its parts has none of its own. */
export function presetLints(preset: PresetName | undefined): readonly PresetLint[] {
  return preset === undefined ? [] : PRESETS[preset].lints;
}
