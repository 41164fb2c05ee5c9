/** `status`: what supervisorctl prints, from supervisord's own answer. */
import { AgentError } from "../core/failure.ts";
import { layoutOf } from "../core/layout.ts";
import { renderStatus, renderStatusTrouble } from "../core/status-text.ts";
import type { ProjectPlan, RequestOf, StatusResult, SupervisorAddress } from "../protocol.ts";
import type { Session } from "../session.ts";
import { connectSupervisor, openProject } from "./open.ts";
import { runningReleases } from "./running.ts";

export async function runStatus(session: Session, request: RequestOf<"status">): Promise<StatusResult> {
  const { supervisor } = connectSupervisor(request.supervisor);
  const processes = await supervisor.getAllProcessInfo();
  const { stdout, exit } = renderStatus(processes, request.names);
  const runs = request.project ? await runsOf(session, request.project) : [];
  return { stdout, exit, processes, runs };
}

async function runsOf(session: Session, project: ProjectPlan): Promise<StatusResult["runs"]> {
  const context = openProject(session, { ...project, deployTo: layoutOf(project.deployTo).deployTo });
  const running = await runningReleases(context);
  return running.map(({ program, serves, releases }) => ({
    process: program.process,
    release: serves ?? releases.join(", "),
  }));
}

/** `agent status [--config FILE] [PROGRAM...]` on the host itself, as supervisorctl is used there. */
export async function printLocalStatus(words: readonly string[]): Promise<number> {
  const address: SupervisorAddress = {};
  const names: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--config") address.config = words[++index] ?? "";
    else if (word === "--url") address.url = words[++index] ?? "";
    else if (word === "--json") names.push();
    else if (word !== "--") names.push(word);
  }
  const { resolved, supervisor } = connectSupervisor(address);
  try {
    const processes = await supervisor.getAllProcessInfo();
    const { stdout, exit } = renderStatus(processes, names);
    process.stdout.write(words.includes("--json") ? `${JSON.stringify({ exit, processes })}\n` : stdout);
    return exit;
  } catch (error) {
    const said = error instanceof AgentError ? renderStatusTrouble(resolved.url, error.failure) : undefined;
    if (!said) throw error;
    process.stdout.write(said.stdout);
    return said.exit;
  }
}
