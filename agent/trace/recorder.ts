/** Notes down what is done during one activation, and when, for whoever asks later how it went. */
import type { HostContext } from "../context.ts";
import type { AgentEvent } from "../protocol.ts";
import type { ActivationReport } from "../wire/report.ts";
import type { ActivationTrace, MeterTimeline, Moment } from "../wire/trace/trace.ts";

/** Many times what an activation of many programs has. */
const MOMENT_LIMIT = 500;
const DETAIL_LENGTH = 200;

export class Recorder {
  readonly #context: Pick<HostContext, "now" | "date">;
  /** On the context's clock, until the flip is known. */
  readonly #moments: Moment[] = [];
  readonly #meters: ((originMs: number) => MeterTimeline | undefined)[] = [];
  #flip: { readonly at: number; readonly date: string } | undefined;

  constructor(context: Pick<HostContext, "now" | "date">) {
    this.#context = context;
  }

  /** `current` is about to be repointed: all times are told from here. */
  flipped(): void {
    this.resumed();
    this.note({ what: "flip" });
  }

  /** It was, by an agent that died: all times are told from where this one goes on. */
  resumed(): void {
    this.#flip = { at: this.#context.now(), date: this.#context.date().toISOString() };
  }

  /** `at`: on the context's clock; absent: now. */
  note(moment: Omit<Moment, "atMs">, at = this.#context.now()): void {
    if (this.#moments.length >= MOMENT_LIMIT) return;
    const detail = moment.detail === undefined ? {} : { detail: moment.detail.slice(0, DETAIL_LENGTH) };
    this.#moments.push({ ...moment, ...detail, atMs: at });
  }

  /** The same as those who watch are told, as far as something was done. */
  hear(event: AgentEvent): void {
    if (event.event === "program") {
      const { did, program, pid } = event;
      this.note({ what: did, program, ...(pid === 0 ? {} : { pid }) });
    } else if (event.event === "phase" && event.phase.startsWith("hook ")) {
      this.note({ what: event.phase, detail: event.detail });
    }
  }

  /** `timeline`: asked when all is over. */
  measure(timeline: (originMs: number) => MeterTimeline | undefined): void {
    this.#meters.push(timeline);
  }

  /** Undefined: nothing was flipped, so nothing has happened. */
  trace(activation: string, report: ActivationReport): ActivationTrace | undefined {
    const flip = this.#flip;
    if (flip === undefined) return undefined;
    const moments = this.#moments.map((moment) => ({ ...moment, atMs: Math.round(moment.atMs - flip.at) }));
    return {
      ...{ activation, flippedAt: flip.date, report },
      moments: moments.sort((a, b) => a.atMs - b.atMs),
      meters: this.#meters.flatMap((timeline) => timeline(flip.at) ?? []),
    };
  }
}
