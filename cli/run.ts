/** What a command is given: the surroundings of this process, and nothing that it could not be given in a test. */
import type { Actor } from "../agent/wire/plan.ts";
import type { Output } from "./io/output.ts";

export interface Run {
  readonly cwd: string;
  readonly home: string;
  /** The name of whoever runs this process: who logs in where deploy.yml does not say. */
  readonly user: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  /** Width of the terminal that results go to; undefined: they go elsewhere. */
  readonly columns: number | undefined;
  readonly interrupt: Interrupt;
  /** Aborted once nobody reads the results any more (`| head`): for verbs that would go on telling without end. */
  readonly readerGone: AbortSignal;
  /** Who runs this command, for the lock and the ledger. */
  readonly actor: Actor;
  /** The folder of the bundles. */
  readonly bundles: string;
  /** Whether somebody sits at a terminal and can be asked. */
  readonly canAsk: boolean;
}

export type Signal = "SIGINT" | "SIGTERM";

/** The operator's wish to stop. */
export interface Interrupt {
  /** The first signal; undefined: none yet. */
  readonly signal: Signal | undefined;
  /** Whether there is no more time: onLeave's moment has come. */
  readonly isLeaving: boolean;
  /** What to do at the first signal from now on; returns a function that takes it back. */
  onFirst(act: (signal: Signal) => void): () => void;
  /**
   * What to do when there is no more time: at the second signal, or some seconds after SIGTERM. Whoever is at work then
   * stops waiting, says what state is left, and ends.
   */
  onLeave(act: (signal: Signal) => void): void;
  /** As if that signal had come: a terminal that does not show what is typed sends none for Ctrl-C. */
  raise(signal: Signal): void;
}
