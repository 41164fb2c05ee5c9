/**
 * The state machine of machine.ts at work on real processes.
 *
 * - Events are taken one after another; each one's effects are done before the next is taken.
 * - While nothing happens no timer runs: children tell their end by SIGCHLD, the others by the lifeline. Only where the
 *   kernel tells nothing are the processes looked at in intervals (`watchOf`).
 */
import { rmSync } from "node:fs";
import { bootId, readProcess } from "../io/process/processes.ts";
import { type Control, openControl } from "./control.ts";
import { endLeftovers, killTree, otherKeeper, signalProcess, writeState } from "./leftovers.ts";
import { createLooker } from "./looker.ts";
import { generationState, lookAround, proveFor } from "./looking.ts";
import { membersOf, servingOf, watchOf } from "./machine/family.ts";
import { type Effect, type Event, initialState, keyOf, type State } from "./machine/model.ts";
import { reloadSignalOf, step } from "./machine.ts";
import { markFor } from "./members.ts";
import { type KeeperPaths, type KeptProgram, parseSpec, settingsOf, specDifferences } from "./spec.ts";
import { CannotStart, createStarter } from "./starter.ts";
import { CONTROL_VERSION, type ControlReply } from "./wire.ts";
import { wordsOf } from "./words.ts";

export interface KeeperOptions {
  readonly paths: KeeperPaths;
  /** The keeper's own file, for who asks. */
  readonly bundle: string;
  say(line: string): void;
  exit(code: number): void;
}

export interface Keeper {
  /** A signal that this process was sent, without SIG. */
  signal(name: string): void;
  /** Ends leftovers, opens what has to be open, starts the program. @throws Error with a message for people */
  run(): Promise<void>;
}

export function createKeeper({ paths, bundle, say, exit }: KeeperOptions): Keeper {
  const self = readProcess(process.pid) ?? { pid: process.pid, startTicks: 0, pgrp: 0 };
  const starter = createStarter(paths);
  let state: State = initialState();
  let control: Control | undefined;

  // -------------------------------------------------------------------------------------------------------------------
  // Events and effects
  // -------------------------------------------------------------------------------------------------------------------

  const queue: Event[] = [];
  let isTaking = false;

  function take(event: Event): void {
    queue.push(event);
    if (isTaking) return;
    isTaking = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const before = generationKeys();
        const { state: after, effects } = step(state, next);
        state = after;
        for (const effect of effects) perform(effect);
        if (generationKeys() !== before) remember();
      }
    } finally {
      isTaking = false;
    }
    looker.watch();
  }

  const generationKeys = () => state.generations.map(keyOf).join();

  function perform(effect: Effect): void {
    switch (effect.kind) {
      case "spawn":
        void start();
        break;
      case "signal":
        signalProcess(effect, `SIG${effect.name}` as NodeJS.Signals);
        break;
      case "kill":
        killTree(effect);
        break;
      case "look":
        looker.request(effect.all);
        break;
      case "timer":
        setTimer(effect.timer, effect.ms);
        break;
      case "cancel":
        clearTimeout(timers.get(effect.timer));
        timers.delete(effect.timer);
        break;
      case "answer":
        control?.answer(effect.asker, effect.answer);
        break;
      case "note":
        say(wordsOf(effect.note));
        break;
      case "exit":
        leave(effect.code);
        break;
    }
  }

  const timers = new Map<string, NodeJS.Timeout>();

  function setTimer(name: string, ms: number): void {
    clearTimeout(timers.get(name));
    const timer = setTimeout(() => {
      timers.delete(name);
      take({ kind: "timeout", timer: name });
    }, ms);
    timers.set(name, timer);
  }

  /** What each start was told, as long as there is a generation of it. */
  const specs = new Map<number, KeptProgram>();

  function forgetSpecs(): void {
    const lineages = new Set(state.generations.map(({ lineage }) => lineage));
    for (const lineage of specs.keys()) if (!lineages.has(lineage)) specs.delete(lineage);
  }

  /** What of the program that serves is otherwise in this text of a spec. */
  function differences(text: string): string[] {
    const serving = servingOf(state) ?? state.generations.at(-1);
    const spec = serving === undefined ? undefined : specs.get(serving.lineage);
    if (spec === undefined) return [];
    const wanted = parseSpec(text);
    if ("problem" in wanted) throw new Error(wanted.problem);
    return specDifferences(spec, wanted.spec);
  }

  async function start(): Promise<void> {
    try {
      const started = await starter.start(state.settings.strategy, {
        onSpec: (spec) => take({ kind: "settings", settings: settingsOf(spec) }),
        onExit: (pid, status) => take({ kind: "exited", pid, status }),
        onLifelineClosed: (lineage) => take({ kind: "lifeline-closed", lineage }),
      });
      const { spec, ...process } = started;
      specs.set(process.lineage, spec);
      take({ kind: "spawned", ...process });
      forgetSpecs();
    } catch (error) {
      const reason = error instanceof CannotStart ? error.reason : "cannot-execute";
      take({ kind: "spawn-failed", reason, detail: messageOf(error) });
    }
  }

  /** For the next keeper, if this one is killed. */
  function remember(): void {
    const generations = state.generations.map(({ pid, startTicks }) => ({ pid, startTicks }));
    const { pid, startTicks, pgrp } = self;
    writeState(paths.state, { bootId: bootId(), keeper: { pid, startTicks, pgrp }, generations });
  }

  /** What can not be removed, as in a folder that was taken from this user, the next keeper replaces, or lives with. */
  function leave(code: number): void {
    for (const close of [() => control?.close(), starter.close, () => rmSync(paths.state, { force: true })]) {
      try {
        close();
      } catch (error) {
        say(messageOf(error));
      }
    }
    exit(code);
  }

  const looker = createLooker({
    look: (all) => {
      const { lineages } = starter;
      const known = new Map(state.generations.map(({ pid, lineage }) => [pid, lineage]));
      const { startTicks: sinceTicks, pgrp } = self;
      const search = { mark: markFor(paths.spec), command: starter.command(), sinceTicks, pgrp, lineages, known };
      const ownSockets = state.settings.strategy === "socket" ? starter.inodes() : undefined;
      return lookAround(search, all, state, ownSockets);
    },
    deliver: (members, all) => take({ kind: "looked", all, members }),
    pace: () => watchOf(state),
    onLooked: clearAway,
    onRest: giveMemoryBack,
    say,
  });

  // -------------------------------------------------------------------------------------------------------------------
  // What comes from outside
  // -------------------------------------------------------------------------------------------------------------------

  /** How a reload is done is read again for each one. */
  function refreshSettings(): void {
    if (state.phase !== "serving") return;
    try {
      take({ kind: "settings", settings: settingsOf(starter.readSpec()) });
    } catch (error) {
      say(messageOf(error));
    }
  }

  async function tellState(id: number): Promise<ControlReply> {
    await looker.fresh();
    const { generations, members, phase, settings, reload, pending } = state;
    return {
      ...{ event: "state", id, v: CONTROL_VERSION, bundle, phase, strategy: settings.strategy },
      keeper: { pid: self.pid, startTicks: self.startTicks },
      generations: generations.map((generation) => {
        return generationState(generation, membersOf(state, generation, members));
      }),
      reloading: reload !== undefined,
      queued: pending !== undefined,
    };
  }

  async function openControlSocket(): Promise<void> {
    try {
      control = await openControl(paths.control, {
        ask: (verb, asker) => {
          if (verb === "reload") refreshSettings();
          take({ kind: "asked", verb, asker });
        },
        state: tellState,
        prove: async (id, question) => ({ event: "proof", id, answer: await proveFor(question) }),
        compare: async (id, question) => ({ event: "compared", id, differs: differences(question) }),
      });
    } catch (error) {
      // The program matters more than being asked about it.
      say(`no control socket: ${messageOf(error)}`);
    }
  }

  return {
    signal(name) {
      if (name === reloadSignalOf(state.settings)) refreshSettings();
      take({ kind: "signal", name });
    },
    async run() {
      const first = starter.readSpec();
      const other = otherKeeper(paths);
      if (other !== undefined) throw new Error(`pid ${other} keeps this program already`);
      const ended = await endLeftovers(paths, first);
      if (ended.length > 0) say(`ended what a killed keeper had left: pid ${ended.join(", ")}`);
      if (state.phase === "ended") return;
      await openControlSocket();
      take({ kind: "start", settings: settingsOf(first) });
    },
  };
}

type Collect = (options: Record<string, string>) => void;

/** What looks leave behind would stay until the next ones: V8 collects only when something is allocated. */
function giveMemoryBack(): void {
  const { gc } = globalThis as { gc?: Collect };
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}

/** V8 would collect in the middle of the next look, and take what that one holds for lasting. */
function clearAway(): void {
  const { gc } = globalThis as { gc?: Collect };
  gc?.({ type: "minor", execution: "sync" });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
