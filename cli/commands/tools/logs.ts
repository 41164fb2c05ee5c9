/** `zdr logs [-f] [PROGRAM…]`: what programs have logged, of all hosts, each line with where it comes from. */
import type { LogsResult } from "../../../agent/wire/logs.ts";
import { EXIT, type ExitCode } from "../../core/exit-code.ts";
import { programsIn, selectPrograms } from "../../core/plan.ts";
import { ZdrError } from "../../failure.ts";
import type { AgentSession } from "../../io/session/agent-session.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import { openBareFleet } from "../parts/bare-fleet.ts";
import { type HostOptions, openConfig } from "../parts/open.ts";
import { concludeHosts, concludeUnread, whyFailed } from "../parts/outcome.ts";

export interface LogsOptions extends HostOptions {
  readonly follow?: boolean;
  /** How many of each process at first. */
  readonly lines?: string;
}

export const LOG_LINES = 50;
/** How long a host keeps an empty answer back. The link's own heartbeat goes on meanwhile. */
const WAIT_MS = 10_000;

export async function logs(run: Run, names: readonly string[], options: LogsOptions): Promise<ExitCode> {
  const lines = linesOf(options.lines);
  const opened = openConfig(run, options);
  const programs = selectPrograms(opened.config, names);
  const follow = options.follow === true;
  const fleet = openBareFleet(run, opened, "logs");
  let isOver = false;
  const undo = run.interrupt.onFirst((signal) => {
    isOver = true;
    fleet.abort(signal);
  });
  const stop = () => {
    isOver = true;
    fleet.abort("SIGTERM");
  };
  if (follow) run.readerGone.addEventListener("abort", stop);
  const question = (host: FleetHost) => {
    const project = opened.planFor(host);
    return { project, programs: programsIn(project, programs), lines, follow };
  };
  try {
    const first = new Map<FleetHost, LogsResult>();
    await fleet.onAll("survey", async (host, session) => {
      const result = await session.request("logs", { ...question(host), waitMs: 0 });
      first.set(host, result);
      return undefined;
    });
    for (const host of fleet.hosts) tell(run, host.name, first.get(host));
    const more = (host: FleetHost, session: AgentSession, after: LogsResult["after"]) =>
      session.request("logs", { ...question(host), after, waitMs: WAIT_MS }).then((result) => {
        tell(run, host.name, { ...result, silent: [] });
        return result.after;
      });
    const followed = follow ? fleet.hosts.filter((host) => first.has(host)) : [];
    if (followed.length > 0) for (const host of fleet.failed) tellUnheard(run, host, "is not followed");
    await Promise.all(
      followed.map(async (host) => {
        const isHeard = await fleet.onOne(host, "survey", async (_, session) => {
          let after = first.get(host)?.after;
          while (after !== undefined && !isOver) after = await more(host, session, after);
          return undefined;
        });
        if (!isHeard && !isOver) tellUnheard(run, host, "is followed no longer");
      }),
    );
    if (run.interrupt.signal !== undefined && follow)
      return run.interrupt.signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    return follow && run.readerGone.aborted ? concludeUnread(run, fleet.hosts) : concludeHosts(run, fleet.hosts, false);
  } finally {
    undo();
    await fleet.close();
  }
}

function tell(run: Run, host: string, result: LogsResult | undefined): void {
  for (const { process, why } of result?.silent ?? []) {
    run.output.report({ kind: "warning", host, text: `${process}: ${why}` });
  }
  for (const { process, stream, lines } of result?.chunks ?? []) {
    for (const line of lines) {
      run.output.line(`${host}: ${process}: ${line}`, "log", { host, process, stream, line });
    }
  }
}

/** At once: whoever follows the others would take it for a host that has nothing to log. */
function tellUnheard({ output }: Run, host: FleetHost, what: string): void {
  output.report({ kind: "warning", host: host.name, text: `${what}: ${whyFailed(host)}` });
}

function linesOf(text: string | undefined): number {
  if (text === undefined) return LOG_LINES;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  const problem = `--lines ${JSON.stringify(text)} is no number`;
  throw new ZdrError({ kind: "usage", problem, hint: '"-n 200" for the last two hundred' });
}
