/** A file of tests, or any other program, in a network of its own: loopback and nothing else, with its own settings. */
import { type RunResult, run } from "./processes.ts";

export interface NetworkOptions {
  /** net.ipv4.tcp_migrate_req: whether connections that wait in a closed SO_REUSEPORT socket's queue go to another one. */
  readonly migrates: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly args?: readonly string[];
}

const PREPARE = 'ip link set lo up && echo "$0" >/proc/sys/net/ipv4/tcp_migrate_req && exec "$@"';

/** Runs a TypeScript file to its end, whatever its exit code. Needs root. */
export function runInNetwork(
  file: string,
  { migrates, env, timeoutMs, args = [] }: NetworkOptions,
): Promise<RunResult> {
  const value = migrates ? "1" : "0";
  return run(["unshare", "--net", "sh", "-c", PREPARE, value, process.execPath, file, ...args], {
    // The runner of a test within a test must not think that it is the outer one's child.
    env: { ...env, NODE_TEST_CONTEXT: undefined },
    timeoutMs,
  });
}
