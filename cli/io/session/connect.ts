/** The way to a host of deploy.yml, whichever kind it is. */
import type { HostTarget } from "../../core/plan.ts";
import type { Secret } from "../../core/secret.ts";
import type { KeyRing } from "../ssh/keys.ts";
import type { Connection } from "./transport.ts";

/** Who connects, and with what. */
export interface Login {
  /** The name to log in with where deploy.yml gives none. */
  readonly user: string;
  readonly home: string;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
  /** Absent where nobody sits at a terminal. */
  readonly askPassphrase: ((path: string) => Promise<Secret | undefined>) | undefined;
}

/** Makes the way to each host. All of them share one ring of keys, so that a passphrase is asked for once. */
export function connector(login: Login): (target: HostTarget) => Promise<Connection> {
  let ring: Promise<KeyRing> | undefined;
  return async (target) => {
    if (target.kind === "local") return (await import("./local.ts")).connectLocal();
    ring ??= openRing(login);
    const [{ connectSsh }, keys] = await Promise.all([import("../ssh.ts"), ring]);
    const { name, address, port, user = login.user, keys: keyFiles, hostKeys, knownHosts, connectTimeoutMs } = target;
    return connectSsh(
      { name, address, port, user, keyFiles, hostKeys: hostKeys.length > 0 ? hostKeys : undefined },
      {
        ...{ home: login.home, keys, timeouts: { connectMs: connectTimeoutMs } },
        ...(knownHosts.length > 0 ? { knownHosts } : {}),
      },
    );
  };
}

async function openRing({ home, agentSocket, askPassphrase }: Login): Promise<KeyRing> {
  const { keyRing } = await import("../ssh/keys.ts");
  return keyRing({ home, agentSocket, askPassphrase });
}
