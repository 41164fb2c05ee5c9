/** `zdr status [PROGRAM...]`: supervisorctl's own output and exit codes, of every host. */
import { join } from "node:path";
import type { StatusResult } from "../../agent/wire/program.ts";
import { EXIT } from "../core/exit-code.ts";
import type { HostTarget } from "../core/plan.ts";
import { sanitizeLines } from "../core/report/sanitize.ts";
import { describeHalfway, statusExit, statusText } from "../core/status.ts";
import { readAgentBundle } from "../io/session/agent-bundle.ts";
import type { EarlyRequest, RequestBody } from "../io/session/agent-session.ts";
import { connector } from "../io/session/connect.ts";
import { Fleet } from "../io/session/fleet.ts";
import type { Run } from "../run.ts";
import { type HostOptions, loginOf, openConfig, openFleet } from "./parts/open.ts";
import { closeRead, concludeHosts, orInterrupted } from "./parts/outcome.ts";

export interface StatusOptions extends HostOptions {
  readonly local?: boolean;
  readonly releases?: boolean;
  readonly json?: boolean;
}

type Question = RequestBody<"status">;

interface Asked {
  readonly fleet: Fleet<HostTarget>;
  readonly question: (host: { readonly name: string }) => Question;
}

/** supervisorctl's exit code where every host answered; otherwise zdr's own for what kept it from answering. */
export async function status(run: Run, names: readonly string[], options: StatusOptions): Promise<number> {
  const { fleet, question } = options.local ? askThisMachine(run, names, options) : askHosts(run, names, options);
  try {
    const found = new Map<string, StatusResult>();
    const asked = fleet.onAll("survey", async (host, session) => {
      found.set(host.name, await session.request("status", question(host)));
      return undefined;
    });
    await orInterrupted(run, asked);
    const failed = concludeHosts(run, fleet.hosts, false);
    const answers = fleet.hosts.flatMap(({ name }) => {
      const result = found.get(name);
      return result ? [{ host: name, result }] : [];
    });
    const exit = failed === EXIT.done ? statusExit(answers.map(({ result }) => result.exit)) : failed;
    for (const { host, result } of answers) {
      if (answers.length > 1) run.output.report({ kind: "note", text: `${host}:` });
      if (result.halfway) run.output.report({ kind: "warning", host, text: describeHalfway(result.halfway) });
      for (const { program, text } of result.orphans ?? []) {
        run.output.report({ kind: "warning", host, program, text: `${program}: ${text}` });
      }
      const text = statusText(result, options.releases === true);
      // Scripts get supervisorctl's bytes; a terminal would obey some of them.
      run.output.result(run.columns === undefined ? text : sanitizeLines(text), { host, ...result }, exit);
    }
    return exit;
  } finally {
    await closeRead(run, fleet);
  }
}

function askHosts(run: Run, names: readonly string[], options: StatusOptions): Asked {
  const opened = openConfig(run, options);
  const { supervisor, deployTo } = opened.plan;
  // Which release a process runs can only be told by who knows the project.
  const needsProject = options.releases || options.json;
  const question = (host: { readonly name: string }) => ({
    ...{ supervisor, names: [...names], deployTo },
    ...(needsProject ? { project: opened.planFor(host) } : {}),
  });
  return { fleet: openFleet(run, opened, "status", [], (host) => earlyQuestion(question(host))), question };
}

/** What everybody on the host may see: a password may not, nor may the environment of the project's programs. */
function earlyQuestion(body: Question): EarlyRequest | undefined {
  return body.project === undefined && body.supervisor.password === undefined ? { verb: "status", body } : undefined;
}

/** The agent's bundle answers from where it is installed; no deploy.yml is read, and nothing is written. */
function askThisMachine(run: Run, names: readonly string[], { config }: StatusOptions): Asked {
  const fleet = new Fleet<HostTarget>({
    targets: [{ name: "local", kind: "local", node: process.execPath }],
    connect: connector(loginOf(run)),
    agent: readAgentBundle(run.bundles),
    agentPath: join(run.bundles, "agent.cjs"),
    report: (event) => run.output.report(event),
  });
  const question = { supervisor: config === undefined ? {} : { config }, names: [...names] };
  return { fleet, question: () => question };
}
