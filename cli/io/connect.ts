/** The way to a host of deploy.yml, whichever kind it is. */
import type { HostTarget } from "../core/plan.ts";
import type { Run } from "../run.ts";
import { askPassphrase } from "./ask-passphrase.ts";
import type { KeyRing } from "./keys.ts";
import type { Connection } from "./transport.ts";

/** One ring for all hosts of a run: a passphrase is asked for once. */
const rings = new WeakMap<Run, Promise<KeyRing>>();

export async function connectHost(target: HostTarget, run: Run): Promise<Connection> {
  if (target.kind === "local") {
    const { connectLocal } = await import("./local.ts");
    return connectLocal();
  }
  const ring = rings.get(run) ?? openRing(run);
  rings.set(run, ring);
  const [{ connectSsh }, keys] = await Promise.all([import("./ssh.ts"), ring]);
  const { name, address, port, keys: keyFiles, hostKeys, knownHosts, connectTimeoutMs } = target;
  return connectSsh(
    {
      name,
      address,
      port,
      user: target.user ?? run.actor.user,
      keyFiles,
      hostKeys: hostKeys.length > 0 ? hostKeys : undefined,
    },
    {
      ...{ home: run.home, keys, timeouts: { connectMs: connectTimeoutMs } },
      ...(knownHosts.length > 0 ? { knownHosts } : {}),
    },
  );
}

async function openRing(run: Run): Promise<KeyRing> {
  const { keyRing } = await import("./keys.ts");
  const ask = run.canAsk ? (path: string) => run.output.pause(() => askPassphrase(path)) : undefined;
  return keyRing({ home: run.home, agentSocket: run.env.SSH_AUTH_SOCK, askPassphrase: ask });
}
