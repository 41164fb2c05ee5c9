/** Started by the CLI's loader at the end of a channel, and by nobody else. */
import { type CodeCache, saveCodeCache } from "./io/code-cache.ts";
import type { WireLimits } from "./io/wire.ts";
import { runSession } from "./session.ts";

/** Left by the loader (cli/io/session/bootstrap.ts), which has read ahead on stdin and checked this very bundle's hash. */
interface Bootstrap {
  readonly leftover: Uint8Array;
  readonly sha256: string;
  /** A word for the command that this session is for. */
  readonly use?: string;
  /** As deploy.yml has them. */
  readonly limits?: WireLimits;
  /** Absent where the loader found a good one, and where none is wanted. */
  readonly codeCache?: CodeCache;
}

async function main(): Promise<void> {
  const { zdrBootstrap } = globalThis as { zdrBootstrap?: Bootstrap };
  if (!zdrBootstrap) {
    process.stderr.write("this is the agent of zdr; the CLI starts it over SSH or, for local hosts, by itself\n");
    process.exit(2);
  }
  // sshd sends HUP when the link is gone; an activation must outlive that.
  process.on("SIGHUP", () => {});
  const { leftover, sha256, use, limits, codeCache } = zdrBootstrap;
  await runSession({ leftover, agent: sha256, use, limits });
  if (codeCache) saveCodeCache(codeCache);
  process.exit(0);
}

main().catch((error: unknown) => {
  process.stderr.write(`zdr agent: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
});
