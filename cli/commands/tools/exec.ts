/** `zdr exec -- COMMAND…`: a command on every host, by argv and not by a shell, each line of output with its host. */
import { constants } from "node:os";
import { posix } from "node:path";
import { type CommandEnd, combinedExit, LineCutter, UNREAD } from "../../core/exec/lines.ts";
import { EXIT } from "../../core/exit-code.ts";
import { explainAll, type PhasedFailure } from "../../explain.ts";
import { ZdrError } from "../../failure.ts";
import type { AgentSession } from "../../io/session/agent-session.ts";
import type { Run } from "../../run.ts";
import { openBareFleet } from "../parts/bare-fleet.ts";
import { type HostOptions, openConfig } from "../parts/open.ts";
import { concludeHosts, concludeUnread } from "../parts/outcome.ts";

export interface ExecOptions extends HostOptions {
  /** The words are one text for /bin/sh on the host. */
  readonly shell?: boolean;
}

/** How long a host keeps an empty answer back. */
const WAIT_MS = 10_000;

export async function exec(run: Run, words: readonly string[], options: ExecOptions): Promise<number> {
  if (words.length === 0) {
    throw new ZdrError({ kind: "usage", problem: "exec needs a command", hint: "zdr exec -- df -h" });
  }
  const opened = openConfig(run, options);
  const argv = options.shell ? ["/bin/sh", "-c", words.join(" ")] : [...words];
  const fleet = openBareFleet(run, opened, "exec");
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  run.readerGone.addEventListener("abort", () => fleet.abort("SIGTERM"));
  try {
    const ends = new Map<string, CommandEnd>();
    await fleet.onAll("control", async (host, session) => {
      const { deployTo } = opened.plan;
      const { cwd } = await session.request("exec", { deployTo, argv });
      if (cwd !== posix.join(deployTo, "current")) {
        run.output.report({ kind: "warning", host: host.name, text: `no release serves there, so it runs in ${cwd}` });
      }
      ends.set(host.name, await tellOutput(run, host.name, session));
      return undefined;
    });
    if (run.readerGone.aborted && run.interrupt.signal === undefined) {
      const failed = concludeUnread(run, fleet.hosts);
      return failed === EXIT.done ? UNREAD : failed;
    }
    const failed = concludeHosts(run, fleet.hosts, false);
    const local = opened.targets.flatMap(({ kind, name }) => (kind === "local" ? [name] : []));
    const bad = tellBadEnds(run, words.join(" "), ends, local);
    const exit = failed === EXIT.done ? bad : failed;
    run.output.result("", { hosts: [...ends].map(([host, end]) => ({ host, ...end })) }, exit);
    return exit;
  } finally {
    undo();
    await fleet.close();
  }
}

/** Until the command has ended there. */
async function tellOutput(run: Run, host: string, session: AgentSession): Promise<CommandEnd> {
  const cutters = { stdout: new LineCutter(), stderr: new LineCutter() };
  const tell = (stream: "stdout" | "stderr", lines: readonly string[]) => {
    for (const line of lines) {
      const text = `${host}: ${line}`;
      const isError = stream === "stderr";
      run.output.line(text, "output", { host, stream, line }, isError);
    }
  };
  for (;;) {
    const { chunks, ended } = await session.request("output", { waitMs: WAIT_MS });
    for (const { stream, text } of chunks) tell(stream, cutters[stream].take(text));
    if (ended === undefined) continue;
    tell("stdout", cutters.stdout.end());
    tell("stderr", cutters.stderr.end());
    return ended;
  }
}

function tellBadEnds(
  run: Run,
  command: string,
  ends: ReadonlyMap<string, CommandEnd>,
  local: readonly string[],
): number {
  // Hosts that failed alike share the first one's hint, and that there is a way to one says more.
  const remoteFirst = [...ends].sort(([a], [b]) => Number(local.includes(a)) - Number(local.includes(b)));
  const failures = remoteFirst.flatMap(([host, end]): PhasedFailure[] =>
    end.code === 0
      ? []
      : [{ failure: { kind: "command", host, command, ...end, isHere: local.includes(host) }, phase: "plan" }],
  );
  const exit = combinedExit([...ends.values()], (signal) => numberOfSignal(signal));
  if (failures.length > 0) run.output.failure({ ...explainAll(failures), exit });
  return exit;
}

function numberOfSignal(signal: string): number {
  return Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0;
}
