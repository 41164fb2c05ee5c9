/** Sessions without a tree of steps over them: for verbs that go on telling what hosts say. */
import type { HostTarget } from "../../core/plan.ts";
import { agentPathOn, readAgentBundle } from "../../io/session/agent-bundle.ts";
import { connector } from "../../io/session/connect.ts";
import { Fleet } from "../../io/session/fleet.ts";
import type { Connection } from "../../io/session/transport.ts";
import type { Run } from "../../run.ts";
import { loginOf, type Opened } from "./open.ts";

/** `onConnected`: told of each way to a host, and how long it took to open. */
export function openBareFleet(
  run: Run,
  { targets, plan }: Pick<Opened, "targets" | "plan">,
  use: string,
  onConnected: (host: string, connection: Connection, tookMs: number) => void = () => {},
): Fleet<HostTarget> {
  const connect = connector(loginOf(run));
  const agent = readAgentBundle(run.bundles);
  return new Fleet({
    ...{ targets, agent, agentPath: agentPathOn(plan.deployTo, agent.sha256), use },
    connect: async (target) => {
      const startedAt = performance.now();
      const connection = await connect(target);
      onConnected(target.name, connection, performance.now() - startedAt);
      return connection;
    },
    report: (event) => run.output.report(event),
    onLeave: run.interrupt.onLeave,
  });
}
