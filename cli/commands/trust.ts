/** `zdr trust`: shows the hosts' keys, says which are trusted and by what, and writes those that are not down for review. */
import { join, relative, resolve } from "node:path";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import type { SshHost } from "../core/plan.ts";
import { describeHostKeys, type HostKeys, toNameInConfig } from "../core/report/describe-trust.ts";
import { type Explained, explainAll, type PhasedFailure } from "../explain.ts";
import { ZdrError } from "../failure.ts";
import { openRoutes } from "../io/session/connect.ts";
import { readKnownHosts } from "../io/ssh/host-keys.ts";
import { appendKnownHosts } from "../io/ssh/known-hosts-file.ts";
import type { JudgedKey } from "../io/ssh/routes.ts";
import type { Run } from "../run.ts";
import { type HostOptions, loginOf, openConfig } from "./parts/open.ts";
import { orInterrupted } from "./parts/outcome.ts";

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
  const found: SearchedKeys[] = [];
  const asked = Promise.all(
    hosts.map(async (host) => {
      try {
        const keys = await routes.showKeys(host);
        found.push({ host: host.name, keys, searched: await routes.searchedFor(host) });
      } catch (error) {
        if (!(error instanceof ZdrError)) throw error;
        failures.push({ failure: error.failure, phase: "plan" });
      }
    }),
  );
  await orInterrupted(run, asked);
  const inOrder = hosts.flatMap(({ name }) => found.filter(({ host }) => host === name));
  const unknown = inOrder.flatMap(({ keys }) => keys.filter(isUnknown));
  const written = options.write === undefined ? undefined : resolve(run.cwd, options.write);
  if (written !== undefined)
    appendKnownHosts(
      written,
      unknown.map(({ knownHostsLine }) => knownHostsLine),
    );
  const exit = failures.length > 0 || isDistrusted(inOrder, written !== undefined) ? EXIT.unreachable : EXIT.done;
  const path = written ?? config.ssh.known_hosts[0] ?? join(config.folder, "known_hosts");
  const toName = await toNameFor(run, config.folder, path, inOrder);
  const appended = written === undefined ? undefined : unknown.length;
  const text = describeHostKeys(inOrder, { file: relative(run.cwd, path), toName, appended }, run.columns);
  run.output.result(text, { hosts: inOrder.map(plain) }, exit);
  if (failures.length > 0) tellFailures(run, explainAll(failures));
  return exit;
}

interface SearchedKeys extends HostKeys {
  /** Where its key is looked for. */
  readonly searched: readonly string[];
}

/** A host that is pinned is looked for in no file, and one that is known needs none. */
async function toNameFor({ home }: Run, folder: string, path: string, hosts: readonly SearchedKeys[]) {
  const searched = hosts
    .filter(({ keys, searched }) => searched.length > 0 && keys.some(isUnknown))
    .map(({ searched }) => searched);
  const read = await readKnownHosts([...new Set(searched.flat())]);
  const there = "problem" in read ? [] : read.map(({ path }) => path);
  return toNameInConfig(path, searched, there, { folder, home });
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
