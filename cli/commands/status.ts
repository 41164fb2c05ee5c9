/** `zdr status [PROGRAM...]`: supervisorctl's own output and exit codes, of every host. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { StatusResult } from "../../agent/protocol.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { statusExit, statusText } from "../core/status.ts";
import type { Run } from "../run.ts";
import { type HostOptions, openConfig, openFleet } from "./open.ts";
import { concludeHosts } from "./outcome.ts";

export interface StatusOptions extends HostOptions {
  readonly local?: boolean;
  readonly releases?: boolean;
  readonly json?: boolean;
}

/** supervisorctl's exit code where every host answered; otherwise zdr's own for what kept it from answering. */
export async function status(run: Run, names: readonly string[], options: StatusOptions): Promise<number> {
  if (options.local) return localStatus(run, names, options);
  const opened = openConfig(run, options);
  const fleet = openFleet(run, opened, "status", []);
  try {
    const found: { host: string; result: StatusResult }[] = [];
    const project = options.releases || options.json ? { project: opened.plan } : {};
    await fleet.onAll("survey", async (host, session) => {
      const body = { supervisor: opened.plan.supervisor, names: [...names], ...project };
      found.push({ host: host.name, result: await session.request("status", body) });
      return undefined;
    });
    const failed = concludeHosts(run, fleet.hosts);
    const order = fleet.hosts.flatMap(({ name }) => found.filter(({ host }) => host === name));
    const exit = failed === EXIT.done ? statusExit(order.map(({ result }) => result.exit)) : failed;
    for (const { host, result } of order) {
      if (order.length > 1) run.output.report({ kind: "note", text: `${host}:` });
      run.output.result(statusText(result, options.releases === true), { host, ...result }, exit);
    }
    return exit;
  } finally {
    await fleet.close();
  }
}

/** On the host itself the agent's bundle answers, with no session around it. */
function localStatus(run: Run, names: readonly string[], options: StatusOptions): Promise<ExitCode | number> {
  const words = [...(options.config === undefined ? [] : ["--config", options.config]), ...(options.json ? ["--json"] : [])];
  const agent = join(run.bundles, "agent.cjs");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [agent, "status", ...words, "--", ...names], { stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? EXIT.bug));
  });
}
