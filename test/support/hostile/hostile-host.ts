/** A host that was taken over, for the real CLI: a `local` one whose Node is a script that says what the test wants. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Verb } from "../../../agent/protocol.ts";
import { type RunOptions, type RunResult, run } from "../processes.ts";
import type { Cleanup } from "../rig.ts";

const SCRIPT = fileURLToPath(new URL("../../fixtures/hostile/host.mjs", import.meta.url));
const ZDR = fileURLToPath(new URL("../../../dist/zdr.cjs", import.meta.url));

/** Lines with `{id}` in the place of the request's id, and how often each is said. */
export type HostileWords = Partial<Record<Verb, readonly (readonly [line: string, count: number])[]>> & {
  /** Said before the agent starts, as a login shell would. */
  readonly noise?: string;
};

export interface HostileHost {
  readonly folder: string;
  /** Runs zdr to its end with this host, whose name is `web1`. */
  zdr(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The same on a terminal, where both streams are one; `raw` is every byte that came to it. */
  zdrOnTerminal(args: readonly string[]): Promise<{ readonly raw: string; readonly code: number | null }>;
}

export async function startHostileHost(cleanup: Cleanup, words: HostileWords): Promise<HostileHost> {
  const folder = await mkdtemp(join(tmpdir(), "zdr-hostile-"));
  cleanup.after(() => rm(folder, { recursive: true, force: true }));
  const node = await hostileNode(folder, words);
  await mkdir(join(folder, "build/bin"), { recursive: true });
  await writeFile(join(folder, "build/bin/shop"), "#!/bin/sh\n");
  const config = {
    project: "shop",
    deploy_to: "/data/web/shop",
    build: { path: "build" },
    hosts: [{ name: "web1", address: "local", node }],
    programs: { shop: { command: "bin/shop", reload: "restart" } },
  };
  await writeFile(join(folder, "deploy.yml"), JSON.stringify(config));
  const env = { HOME: folder, XDG_CACHE_HOME: folder, CI: undefined, NO_COLOR: "1", FORCE_COLOR: undefined };
  const options = { cwd: folder, env: { ...env, TERM: "xterm-256color" } };
  return {
    folder,
    zdr: (args, more) => run([process.execPath, ZDR, ...args], { ...options, ...more }),
    zdrOnTerminal: async (args) => {
      const command = `stty rows 40 cols 100; ${process.execPath} ${ZDR} ${args.join(" ")}`;
      const { stdout, code } = await run(["script", "-qec", command, "/dev/null"], options);
      return { raw: stdout, code };
    },
  };
}

/** The path of an executable that takes Node's place, and says these words. */
export async function hostileNode(folder: string, words: HostileWords): Promise<string> {
  const [replies, node] = [join(folder, "replies.json"), join(folder, "node")];
  await writeFile(replies, JSON.stringify(words));
  await writeFile(node, `#!/bin/sh\nexec ${process.execPath} ${SCRIPT} ${replies} "$@"\n`);
  await chmod(node, 0o755);
  return node;
}
