/** What a preset is made of: the shapes of agent/core/presets.ts. */
import type { PRESET_NAMES, RELOAD_SIGNALS, STRATEGY_NAMES } from "../../wire/plan.ts";

export type PresetName = (typeof PRESET_NAMES)[number];
export type StrategyName = (typeof STRATEGY_NAMES)[number];
export type ReloadSignal = (typeof RELOAD_SIGNALS)[number];

/** Checks that only some libraries need; agent/core/lint.ts says what each one looks at. */
export type PresetLint = "async-preemption" | "group-stop" | "own-temporary" | "chdir" | "preload" | ProductLint;
/** Of one product, by its name. */
export type ProductLint = "uwsgi" | "unicorn" | "puma" | "server-starter" | "einhorn";

/** What a strategy asks of `[program:x]`, whatever the library. Values may hold placeholders. */
export interface StrategySection {
  /** Where supervisor finds the program: through the link, at the hard link in `run/<program>/`, or by a keeper. */
  readonly command: "current" | "slot" | "keeper";
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
  /** Whether a reload that failed is the last one until the program is restarted. */
  readonly deafAfterFailure?: boolean;
  /**
   * Whether the old process keeps, open and in its epoll set, the copy of the socket that it made for its successor, and
   * accepts nothing by it.
   */
  readonly keepsCopy?: boolean;
  /**
   * Whether old processes serve until their master finds new ones good, and it goes on trying for as long as that takes. It
   * is then asked once more when the old release is put back, also where that still serves.
   */
  readonly gradual?: boolean;
  /** Whether its master has its old workers until new ones are up; that of others ends them before it loads. */
  readonly keepsWorkers?: boolean;
  /** Absent: the strategy sends none. */
  readonly signal?: ReloadSignal;
  /** Ends the old generation once the new one serves; absent: it goes by itself. */
  readonly oldSignal?: ReloadSignal;
  /** Whether its command line names the program that it starts, behind `--`. */
  readonly starts?: boolean;
  /** By which supervisor stops it; absent: TERM. */
  readonly stopSignal?: "QUIT";
  /** How long the library itself lets the old generation finish its requests. */
  readonly drainMs: number;
  /** What the library needs in its environment, comma-separated lists being added to, not replaced. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it needs there unless deploy.yml says otherwise; may hold placeholders. */
  readonly defaults?: Readonly<Record<string, string>>;
  readonly lints: readonly PresetLint[];
  /** The check that the library itself brings, for a program of this command. */
  readonly check?: (command: readonly string[]) => ReleaseCheck;
  /** What the library can not do, for people who choose. One sentence, no full stop. */
  readonly cannot: string;
}
