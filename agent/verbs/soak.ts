/** `soak`: the programs are watched for a while longer, before another host takes the release that they took. */
import { viewProgram } from "../activation/program-view.ts";
import { lifeOfWorkers, watchProgram } from "../activation/settle.ts";
import { settledInfo } from "../activation/supervised.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import type { AgentEvent, RequestOf, SoakResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { lockedContext } from "./parts/open.ts";

/** Throws `crashed` or `unhealthy` as the watch after an activation does. */
export async function runSoak(
  session: Session,
  { ms }: RequestOf<"soak">,
  emit: (event: AgentEvent) => void,
): Promise<SoakResult> {
  const context = lockedContext(session, emit);
  const tag = readCurrent(context.layout);
  if (tag === undefined) throw new AgentError({ reason: "nothing-deployed" });
  const startedAt = context.now();
  await Promise.all(
    context.project.programs.map(async (plan) => {
      const program = { ...plan, watchMs: ms };
      const info = await settledInfo(context, program);
      if (info.statename !== "RUNNING") {
        throw new AgentError({ reason: "crashed", program: plan.name, state: info.statename, detail: info.spawnerr });
      }
      const watched = { program, tag, action: "none", info, at: startedAt, readyMs: 0, gapMs: undefined } as const;
      const lifeMs = lifeOfWorkers(context, await viewProgram(context, program, info.pid));
      await watchProgram(context, { ...watched, old: [], serving: [], proof: "none", evidence: [] }, lifeMs);
    }),
  );
  return { watchedMs: Math.round(context.now() - startedAt) };
}
