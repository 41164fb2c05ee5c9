/** The meter of one program while it takes a release: a baseline before the flip, then what happens after it. */
import type { HostContext } from "../context.ts";
import { Timeline } from "../core/trace/timeline.ts";
import { startMeter } from "../io/http/meter.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProgramReport } from "../wire/report.ts";
import type { MeterTimeline } from "../wire/trace/trace.ts";

/** Requests that the baseline holds before the flip. */
export const BASELINE_REQUESTS = 10;
/** How much longer than they should take these may take; a slow program is deployed all the same. */
export const BASELINE_PATIENCE_MS = 1_000;
const BASELINE_POLL_MS = 10;

export interface Measured {
  /** The baseline ends here. */
  mark(): void;
  /** Both counts; undefined where the program has no health check, or its meter is off. */
  stop(): Promise<ProgramReport["meter"]>;
  /** Of the first request that failed since then, on the context's clock. */
  firstFailureAt(): number | undefined;
  /** What it has met so far, with `originMs` of the context's clock as 0; undefined where it meets nothing. */
  timeline(originMs: number): MeterTimeline | undefined;
}

export async function measureProgram(context: HostContext, program: ProgramPlan): Promise<Measured> {
  const { health } = program;
  if (!health || health.meterRate === 0) {
    const nothing = () => undefined;
    return { mark: () => {}, stop: async () => undefined, firstFailureAt: nothing, timeline: nothing };
  }
  const timeline = new Timeline();
  const startedAt = context.now();
  let markedAt: number | undefined;
  let firstFailureAt: number | undefined;
  const meter = startMeter(health, (request) => {
    timeline.add(request);
    if (request.error !== undefined && markedAt !== undefined) firstFailureAt ??= startedAt + request.sentMs;
  });
  const deadline = context.now() + (BASELINE_REQUESTS / health.meterRate) * 1000 + BASELINE_PATIENCE_MS;
  while (meter.counts().baseline.sent < BASELINE_REQUESTS && context.now() < deadline) {
    await context.sleep(BASELINE_POLL_MS);
  }
  return {
    mark() {
      markedAt = context.now();
      meter.mark();
    },
    stop: () => meter.stop(),
    firstFailureAt: () => firstFailureAt,
    timeline: (originMs) =>
      timeline.told(program.name, startedAt - originMs, markedAt === undefined ? undefined : markedAt - originMs),
  };
}
