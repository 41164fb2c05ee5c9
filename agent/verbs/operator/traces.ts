/** `traces`: what was seen of some activations. Only reads. */
import { layoutOf } from "../../core/layout.ts";
import { requireOwnZdr } from "../../io/trust.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import { readTrace } from "../../trace/file.ts";
import type { TracesResult } from "../../wire/trace/trace.ts";

export async function runTraces(
  _session: Session,
  { deployTo, activations }: RequestOf<"traces">,
): Promise<TracesResult> {
  const layout = layoutOf(deployTo);
  requireOwnZdr(layout);
  return { traces: activations.flatMap((activation) => readTrace(layout, activation) ?? []) };
}
