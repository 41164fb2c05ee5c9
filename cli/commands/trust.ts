/** `zdr trust`: shows the hosts' keys, says which are trusted and by what, and writes those that are not down for review. */
import { relative, resolve } from "node:path";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import type { SshHost } from "../core/plan.ts";
import { describeHostKeys, type HostKeys } from "../core/report/describe-trust.ts";
import { type Explained, explainAll, type PhasedFailure } from "../explain.ts";
import { ZdrError } from "../failure.ts";
import { openRoutes } from "../io/session/connect.ts";
import { appendKnownHosts } from "../io/ssh/known-hosts-file.ts";
import type { JudgedKey } from "../io/ssh/routes.ts";
import type { Run } from "../run.ts";
import { type HostOptions, loginOf, openConfig } from "./parts/open.ts";

export interface TrustOptions extends HostOptions {
  /** A known_hosts file that what is not known is appended to. */
  readonly write?: string;
}

export async function trust(run: Run, options: TrustOptions): Promise<ExitCode> {
  const { config, targets } = openConfig(run, options, { mayLackKnownHosts: true });
  const hosts = targets.filter((target): target is SshHost => target.kind === "ssh");
  if (hosts.length === 0) {
    throw new ZdrError({
      kind: "usage",
      problem: "none of these hosts is reached over SSH",
      hint: "see hosts: in the config",
    });
  }
  const routes = await openRoutes(loginOf(run), config.ssh.config);
  const failures: PhasedFailure[] = [];
  const found: HostKeys[] = [];
  await Promise.all(
    hosts.map(async (host) => {
      try {
        found.push({ host: host.name, keys: await routes.showKeys(host) });
      } catch (error) {
        if (!(error instanceof ZdrError)) throw error;
        failures.push({ failure: error.failure, phase: "plan" });
      }
    }),
  );
  const inOrder = hosts.flatMap(({ name }) => found.filter(({ host }) => host === name));
  const unknown = inOrder.flatMap(({ keys }) => keys.filter(isUnknown));
  const written = options.write === undefined ? undefined : resolve(run.cwd, options.write);
  if (written !== undefined)
    appendKnownHosts(
      written,
      unknown.map(({ knownHostsLine }) => knownHostsLine),
    );
  const told = written === undefined ? undefined : { file: relative(run.cwd, written), lines: unknown.length };
  const exit = failures.length > 0 || isDistrusted(inOrder, told !== undefined) ? EXIT.unreachable : EXIT.done;
  const [own] = config.ssh.known_hosts;
  const text = describeHostKeys(inOrder, told, run.columns, own && relative(run.cwd, own));
  run.output.result(text, { hosts: inOrder.map(plain) }, exit);
  if (failures.length > 0) tellFailures(run, explainAll(failures));
  return exit;
}

const isUnknown = ({ problem }: Pick<JudgedKey, "problem">) => problem?.kind === "host-key-unknown";

/** A changed or revoked key is never written over; an unknown one is, if that was asked for. */
function isDistrusted(hosts: readonly HostKeys[], isWritten: boolean): boolean {
  return hosts.some(({ keys }) => {
    const untrusted = keys.filter((key) => key.problem !== undefined && !(isWritten && isUnknown(key)));
    // A host that one of its keys makes known is let in by that one.
    return untrusted.some((key) => !isUnknown(key)) || untrusted.length === keys.length;
  });
}

const plain = ({ host, keys }: HostKeys) => ({
  host,
  keys: keys.map(({ keyType, fingerprint, knownHostsLine, problem }) => ({
    ...{ keyType, fingerprint, knownHostsLine, trusted: problem === undefined },
    ...(problem === undefined ? {} : { problem: problem.kind }),
  })),
});

function tellFailures(run: Run, { error, hints, log = [], exit }: Explained): void {
  run.output.failure({ error, log, hints, state: [], exit });
}
