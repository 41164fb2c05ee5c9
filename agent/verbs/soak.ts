/** `soak`: the programs are watched for a while longer, before another host takes the release that they took. */
import { viewProgram } from "../activation/program-view.ts";
import { lifeOfWorkers, watchProgram } from "../activation/settle.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import { membersOf } from "../members/members.ts";
import type { AgentEvent, RequestOf, SoakResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { lockedContext } from "./parts/open.ts";

/**
 * Throws `crashed` or `unhealthy` as the watch after an activation does; `interrupted` once nobody listens any more, so that the
 * host is free.
 */
export async function runSoak(
  session: Session,
  { ms }: RequestOf<"soak">,
  emit: (event: AgentEvent) => void,
): Promise<SoakResult> {
  const context = whileHeard(lockedContext(session, emit), session.wire.gone);
  const tag = readCurrent(context.layout);
  if (tag === undefined) throw new AgentError({ reason: "nothing-deployed" });
  const startedAt = context.now();
  await Promise.all(
    context.project.programs.map(async (plan) => {
      const members = await membersOf(context, plan);
      const running = members.filter(({ info }) => info.statename === "RUNNING");
      // Of two members one may rest; none of them is nobody left to serve.
      if (running.length === 0) {
        const { statename: state = "UNKNOWN", spawnerr: detail = "" } = members[0]?.info ?? {};
        throw new AgentError({ reason: "crashed", program: plan.name, state, detail });
      }
      await Promise.all(
        running.map(async (member) => {
          const program = { ...member.program, watchMs: ms };
          const watched = { program, tag, action: "none", info: member.info, at: startedAt, readyMs: 0 } as const;
          const lifeMs = lifeOfWorkers(context, await viewProgram(context, program, member.info.pid));
          const brought = { ...watched, gapMs: undefined, old: [], serving: [], proof: "none", evidence: [] } as const;
          await watchProgram(context, brought, lifeMs);
        }),
      );
    }),
  );
  return { watchedMs: Math.round(context.now() - startedAt) };
}

/** What is watched sleeps between two looks, and for no longer than that. */
function whileHeard(context: HostContext, gone: AbortSignal): HostContext {
  const sleep = async (ms: number) => {
    await context.sleep(ms);
    if (gone.aborted) throw new AgentError({ reason: "interrupted" });
  };
  return { ...context, sleep };
}
