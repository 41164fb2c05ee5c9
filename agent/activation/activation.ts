/** One activation under way: what was there before, how far it got, what the ledger is told of it. */
import { randomBytes } from "node:crypto";
import type { HostContext } from "../context.ts";
import { type ActivationState, type ActivationStep, advance } from "../core/activation-state.ts";
import { reasonOf } from "../core/failure.ts";
import type { LedgerEntry } from "../core/ledger.ts";
import type { Tried } from "../core/trace/outage.ts";
import { appendLedger } from "../io/ledger-file.ts";
import type { LogMark } from "../io/program-log.ts";
import type { AgentEvent } from "../protocol.ts";
import { Recorder } from "../trace/recorder.ts";
import type { Phases } from "../wire/history.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import type { ProgramReport } from "../wire/report.ts";
import type { Measured } from "./measure.ts";

export interface ActivationOrder {
  readonly tag: string;
  readonly why: "deploy" | "rollback" | "recovery";
  /** Its name in the ledger, where whoever asks for it has given it one. */
  readonly id?: string | undefined;
  /** Of what a dead agent left behind: what it knew of the time before. Otherwise that is what is found now. */
  readonly resumed?: Resumed;
  /** Before the flip, the end of the session undoes; after it, it changes nothing. */
  readonly gone: AbortSignal;
  /** How long its pre-flight took, where it has passed that in this session; otherwise it is yet to come. */
  readonly preflightMs?: number | undefined;
}

export interface Resumed {
  readonly activation: string;
  /** What to go back to; undefined: nothing served before. */
  readonly from: string | undefined;
  /** Programs and members that ran; undefined: it is not known, and those that run now count. */
  readonly up: readonly string[] | undefined;
}

/** What a program was before anything was done. */
export interface Before {
  readonly program: ProgramPlan;
  readonly info: ProcessInfo;
  /** It ran, so it is to run when all is over, whichever way that is. */
  readonly wasUp: boolean;
  readonly release: string | undefined;
  /** Pids of the processes that accepted. */
  readonly serving: readonly number[];
  readonly log: LogMark | undefined;
  /** Of a program with members: what each of them was. */
  readonly members?: readonly Before[];
  /** Of a kept program: what run/<program>.json said; undefined also where it can not be read. */
  readonly kept: string | undefined;
  /** How long a worker lives, where the server replaces them by itself. */
  readonly workerLifeMs: number | undefined;
}

/** Entries that belong to an activation, without what all of them share. */
type OwnEntry = DistributiveOmit<Extract<LedgerEntry, { activation: string }>, "at" | "tag" | "by" | "activation">;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export class Activation {
  readonly id: string;
  readonly context: HostContext;
  readonly order: ActivationOrder;
  /** What was current before; once it goes back, what it goes back to. */
  previous: string | undefined;
  readonly befores: readonly Before[];
  readonly reports: ProgramReport[] = [];
  readonly warnings: string[] = [];
  /** Programs that were told anything since the flip. */
  readonly asked = new Set<ProgramPlan>();
  /** What was done to bring them onto the release, as far as it got. */
  readonly tried = new Map<ProgramPlan, Tried>();
  readonly recorder: Recorder;
  readonly #meters = new Map<ProgramPlan, Measured>();
  #startedAt: number;
  #lapAt: number;
  #laps: Phases = {};
  #state: ActivationState = "STAGED";

  constructor(context: HostContext, order: ActivationOrder, previous: string | undefined, befores: readonly Before[]) {
    this.id = order.resumed?.activation ?? order.id ?? randomBytes(8).toString("hex");
    const recorder = new Recorder(context);
    const emit = (event: AgentEvent) => {
      recorder.hear(event);
      context.emit(event);
    };
    this.recorder = recorder;
    this.context = { ...context, emit };
    this.order = order;
    this.previous = previous;
    this.befores = befores;
    this.#startedAt = context.now();
    this.#lapAt = this.#startedAt;
  }

  get elapsedMs(): number {
    return Math.round(this.context.now() - this.#startedAt);
  }

  step(step: ActivationStep): void {
    if (step === "flipped") {
      this.#startedAt = this.context.now();
      this.#lapAt = this.#startedAt;
    }
    this.#state = advance(this.#state, step);
  }

  /** Ends a phase of agent/wire/history.ts; the next entry of the ledger tells how long it took, `beforeMs` of it earlier. */
  lap(phase: string, beforeMs = 0): void {
    const now = this.context.now();
    this.#laps[phase] = Math.round(now - this.#lapAt + beforeMs);
    this.#lapAt = now;
  }

  /** Tells the ledger what is about to happen; where that can not be written, it must not happen. */
  announce(entry: OwnEntry): void {
    const { context, order, id } = this;
    const shared = { at: context.date().toISOString(), tag: order.tag, by: context.by, activation: id };
    const recovered = order.resumed === undefined ? {} : { recovered: true };
    const phases = Object.keys(this.#laps).length === 0 ? {} : { phases: this.#laps };
    appendLedger(context.layout, { ...entry, ...shared, ...recovered, ...phases } as LedgerEntry);
    this.#laps = {};
  }

  /**
   * Tells the ledger what has become true. A ledger that can not be written keeps nothing from being put right: the next
   * command finds an activation without an end, looks at what is there, and writes that down.
   */
  record(entry: OwnEntry): void {
    try {
      this.announce(entry);
    } catch (error) {
      const hint = `put its disk in order (${this.context.layout.ledger}), and the next command writes it down`;
      this.warnings.push(`the ledger could not be told "${entry.event}" (${reasonOf(error)}): ${hint}`);
    }
  }

  /** What the ledger is told before the flip. */
  beginning(): OwnEntry {
    const { order, previous, befores } = this;
    const up = befores
      .flatMap((before) => [before, ...(before.members ?? [])])
      .filter((before) => before.wasUp)
      .map(({ program }) => program.name);
    return { event: "activating", why: order.why, up, ...(previous === undefined ? {} : { from: previous }) };
  }

  measure(program: ProgramPlan, meter: Measured): void {
    this.#meters.set(program, meter);
    this.recorder.measure(meter.timeline);
  }

  /** The baseline of a program ends here: what comes now is what the reload does. */
  markMeter(program: ProgramPlan): void {
    this.#meters.get(program)?.mark();
  }

  /** What it has measured; asked again, because a hook has cost the release since, the same. */
  async stopMeter(program: ProgramPlan): Promise<ProgramReport["meter"]> {
    return this.#meters.get(program)?.stop();
  }

  /** Of the first request that failed since the mark, on the context's clock; undefined: none did, or none was sent. */
  firstFailureAt(program: ProgramPlan): number | undefined {
    return this.#meters.get(program)?.firstFailureAt();
  }

  async stopMeters(): Promise<void> {
    for (const program of [...this.#meters.keys()]) await this.stopMeter(program);
  }
}
