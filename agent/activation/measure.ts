/** The meter of one program while it takes a release: a baseline before the flip, then what happens after it. */
import type { HostContext } from "../context.ts";
import { startMeter } from "../io/meter.ts";
import type { ProgramPlan, ProgramReport } from "../protocol.ts";

/** Requests that the baseline holds before the flip. */
export const BASELINE_REQUESTS = 10;

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
  await context.sleep((BASELINE_REQUESTS / health.meterRate) * 1000);
  return meter;
}
