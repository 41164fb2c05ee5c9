/** What the verbs of a session work with. Effects that tests want to steer come in through here. */
import type { Layout } from "./core/layout.ts";
import type { ListedProcess } from "./io/process/processes.ts";
import type { Supervisor } from "./io/supervisor/supervisor.ts";
import type { AgentEvent } from "./protocol.ts";
import type { Actor, ProjectPlan } from "./wire/plan.ts";

export interface HostContext {
  readonly layout: Layout;
  readonly project: ProjectPlan;
  readonly supervisor: Supervisor;
  readonly by: Actor;
  /** Milliseconds since the request began, on a clock that never goes back. */
  now(): number;
  /** Wall clock, for what people read. */
  date(): Date;
  sleep(ms: number): Promise<void>;
  /** All of this host, as they are now; those of one survey as they were when it first asked. */
  processes(): readonly ListedProcess[];
  /** Tells whoever watches; nobody may be listening. */
  emit(event: AgentEvent): void;
}
