/** `status`: what supervisorctl prints, from supervisord's own answer; also where supervisord does not answer. */
import { AgentError } from "../core/failure.ts";
import { renderStatus, renderStatusTrouble } from "../core/supervisor/status-text.ts";
import type { RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ProjectPlan } from "../wire/plan.ts";
import type { StatusResult } from "../wire/program.ts";
import { connectSupervisor } from "./parts/connect.ts";

export async function runStatus(session: Session, request: RequestOf<"status">): Promise<StatusResult> {
  const { resolved, supervisor } = connectSupervisor(request.supervisor);
  try {
    const processes = await supervisor.getAllProcessInfo();
    const { stdout, exit } = renderStatus(processes, request.names);
    const seen = request.project ? await lookInto(session, request.project) : { runs: [] };
    return { stdout, exit, processes, ...seen, ...(await halfwayOf(request)) };
  } catch (error) {
    const said = error instanceof AgentError ? renderStatusTrouble(resolved.url, error.failure) : undefined;
    if (!said) throw error;
    return { ...said, processes: [], runs: [], ...(await halfwayOf(request)) };
  }
}

async function halfwayOf({ deployTo }: RequestOf<"status">): Promise<Pick<StatusResult, "halfway">> {
  if (deployTo === undefined) return {};
  const { halfwayActivation } = await import("./parts/halfway.ts");
  return { halfway: halfwayActivation(deployTo) };
}

/** Loaded only for those who ask for releases: it looks into every process. */
async function lookInto(session: Session, project: ProjectPlan): Promise<Pick<StatusResult, "runs" | "orphans">> {
  const [{ openProject }, { runningReleases }, { orphansOf }, { orphanFindings }] = await Promise.all([
    import("./parts/open.ts"),
    import("./parts/running.ts"),
    import("../orphans/orphans.ts"),
    import("../core/lint/orphans.ts"),
  ]);
  const context = openProject(session, project);
  const running = await runningReleases(context);
  const supervisorPid = await context.supervisor.getPID();
  const orphans: NonNullable<StatusResult["orphans"]> = [];
  for (const program of project.programs) {
    const findings = orphanFindings(program.name, await orphansOf(context, program, supervisorPid));
    orphans.push(...findings.map(({ text }) => ({ program: program.name, text })));
  }
  return { runs: running.flatMap(({ runs }) => [...runs]), orphans };
}
