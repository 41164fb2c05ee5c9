/** The way to a host of deploy.yml, whichever kind it is. */

import type { Secret } from "../../../agent/wire/secret.ts";
import type { HostTarget } from "../../core/plan.ts";
import type { Routes } from "../ssh/routes.ts";
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
  readonly onWarning: (text: string) => void;
}

/**
 * Makes the way to each host. All of them share one ring of keys, so that a passphrase is asked for once, and what is on
 * the way to several of them.
 */
export function connector(login: Login): (target: HostTarget) => Promise<Connection> {
  let routes: Promise<Routes> | undefined;
  return async (target) => {
    if (target.kind === "local") return (await import("./local.ts")).connectLocal();
    if (target.transport === "openssh")
      return (await import("./openssh.ts")).connectOpenssh(target, login.askPassphrase !== undefined);
    routes ??= openRoutes(login, target.config);
    return (await routes).connect(target);
  };
}

/** The ways over SSH, for whoever asks hosts for more than a session. */
export async function openRoutes(
  { user, home, agentSocket, askPassphrase, onWarning }: Login,
  file: string | undefined,
) {
  const [{ keyRing }, { routes }, { userConfig }] = await Promise.all([
    import("../ssh/keys.ts"),
    import("../ssh/routes.ts"),
    import("../ssh/user-config.ts"),
  ]);
  const keys = keyRing({ home, agentSocket, askPassphrase });
  return routes({ user, home, keys, onWarning, resolve: userConfig({ file, onWarning }) });
}
