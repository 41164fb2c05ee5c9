/** `zdr setup`: the layout, the agent and the supervisor sections; what needs other rights is printed for an administrator. */
import type { SetupResult } from "../../agent/wire/setup.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { describeSetup } from "../core/report/describe-setup.ts";
import { readKeeperBundle, readProveBundle } from "../io/session/agent-bundle.ts";
import type { Run } from "../run.ts";
import { type FreezableOptions, lockRequest } from "./parts/locks.ts";
import { openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";

export interface SetupOptions extends FreezableOptions {
  readonly dryRun?: boolean;
}

export async function setup(run: Run, options: SetupOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const lock = lockRequest(run, "setup", options);
  const fleet = openFleet(run, opened, "setup", ["setup"]);
  // A host that waits for its lock waits no longer; one that has begun ends, and says what it has done.
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    const found: { host: string; result: SetupResult }[] = [];
    await fleet.onAll("setup", async (host, session) => {
      const body = {
        project: opened.planFor(host),
        lock,
        prove: readProveBundle(run.bundles),
        keeper: readKeeperBundle(run.bundles),
        dryRun: options.dryRun === true,
      };
      const result = await session.request("setup", body, fleet.onEvent(host));
      found.push({ host: host.name, result });
      return setupWords(result);
    });
    const failed = concludeHosts(run, fleet.hosts, false);
    const isWaiting = found.some(
      ({ result }) =>
        result.administrator.length > 0 || result.findings.some(({ finding }) => finding.level === "refuse"),
    );
    const exit = failed === EXIT.done && isWaiting ? EXIT.refused : failed;
    run.output.result(found.map(({ host, result }) => describeSetup(host, result)).join(""), { hosts: found }, exit);
    return exit;
  } finally {
    undo();
    await fleet.close();
  }
}

function setupWords({ administrator, findings }: SetupResult): string | undefined {
  if (administrator.length > 0) return "an administrator is needed, see below";
  return findings.some(({ finding }) => finding.level === "refuse")
    ? "a deploy would be refused, see below"
    : undefined;
}
