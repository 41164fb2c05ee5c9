/** The meter of one program while it takes a release: a baseline before the flip, then what happens after it. */
import type { HostContext } from "../context.ts";
import { startMeter } from "../io/http/meter.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProgramReport } from "../wire/report.ts";

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
}

export async function measureProgram(context: HostContext, program: ProgramPlan): Promise<Measured> {
  const { health } = program;
  if (!health || health.meterRate === 0) return { mark: () => {}, stop: async () => undefined };
  const meter = startMeter(health);
  const deadline = context.now() + (BASELINE_REQUESTS / health.meterRate) * 1000 + BASELINE_PATIENCE_MS;
  while (meter.counts().baseline.sent < BASELINE_REQUESTS && context.now() < deadline) {
    await context.sleep(BASELINE_POLL_MS);
  }
  return meter;
}
