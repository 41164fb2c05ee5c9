/** What the agent's verbs work with, on real clocks and the supervisord that the project names. */
import type { HostContext } from "../../agent/context.ts";
import { layoutOf } from "../../agent/core/layout.ts";
import { openSupervisor } from "../../agent/io/supervisor.ts";
import { findSupervisor } from "../../agent/io/supervisor-discovery.ts";
import type { AgentEvent, ProjectPlan } from "../../agent/protocol.ts";

export function hostContext(project: ProjectPlan, events: AgentEvent[] = []): HostContext {
  return {
    layout: layoutOf(project.deployTo),
    project,
    supervisor: openSupervisor(findSupervisor(project.supervisor, { cwd: "/", env: process.env })),
    by: { user: "tester", host: "test" },
    now: () => performance.now(),
    date: () => new Date(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    emit: (event) => events.push(event),
  };
}
