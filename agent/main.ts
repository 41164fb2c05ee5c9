/** Which of its jobs this process is: a session at the end of a channel, or `status` for somebody on the host itself. */
import { runSession } from "./session.ts";
import { printLocalStatus } from "./verbs/status.ts";

/** Left by the loader (cli/io/bootstrap.ts), which has read ahead on stdin and checked this very bundle's hash. */
interface Bootstrap {
  readonly leftover: Uint8Array;
  readonly sha256: string;
  readonly bundlePath: string;
}

async function main(): Promise<void> {
  // sshd sends HUP when the link is gone; an activation must outlive that.
  process.on("SIGHUP", () => {});
  const { zdrBootstrap } = globalThis as { zdrBootstrap?: Bootstrap };
  if (zdrBootstrap) {
    const { leftover, sha256, bundlePath } = zdrBootstrap;
    await runSession({ leftover, agent: sha256, bundlePath });
    process.exit(0);
  }
  const [verb, ...words] = process.argv.slice(2);
  if (verb === "status") process.exitCode = await printLocalStatus(words);
  else {
    process.stderr.write("zdr agent: started by zdr over SSH; on the host itself only: status [--config FILE] [PROGRAM...]\n");
    process.exitCode = 2;
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`zdr agent: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
});
