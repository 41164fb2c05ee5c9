/** `zdr ssh HOST`: the system's ssh, by the way that deploy.yml says. */
import { selectHosts } from "../../core/plan.ts";
import { ZdrError } from "../../failure.ts";
import { openRoutes } from "../../io/session/connect.ts";
import { runSsh } from "../../io/session/interactive-ssh.ts";
import type { Run } from "../../run.ts";
import { type HostOptions, loginOf, openConfig } from "../parts/open.ts";

export async function ssh(run: Run, name: string, command: readonly string[], options: HostOptions): Promise<number> {
  const { config } = openConfig(run, options);
  const [host, ...more] = selectHosts(config, { host: [name] });
  if (host === undefined || more.length > 0) {
    throw new ZdrError({ kind: "usage", problem: `"${name}" is more than one host`, hint: "ssh takes one of them" });
  }
  if (host.kind === "local") {
    throw new ZdrError({ kind: "usage", problem: `${name} is this very machine`, hint: "you are there already" });
  }
  // Ctrl-C is for whatever runs there.
  const undo = run.interrupt.onFirst(() => {});
  try {
    return await runSsh(host, command, () => openRoutes(loginOf(run), config.ssh.config));
  } finally {
    undo();
  }
}
