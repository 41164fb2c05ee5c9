/** `zdr lock -m WHY [--until TIME]` and `zdr unlock`: an operator wants nothing to be deployed for a while. */
import type { Freeze, UnfreezeResult } from "../../agent/wire/freeze.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { describeFreezes, describeHolder } from "../core/report/describe-freeze.ts";
import { parseUntil } from "../core/until.ts";
import { ZdrError } from "../failure.ts";
import type { Run } from "../run.ts";
import { type HostOptions, openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";

export interface FreezeOptions extends HostOptions {
  readonly message: string;
  readonly until?: string;
}

export async function freeze(run: Run, options: FreezeOptions): Promise<ExitCode> {
  const now = new Date();
  const freeze: Freeze = { by: run.actor, why: messageOf(options), since: now.toISOString(), ...untilOf(options, now) };
  const opened = openConfig(run, options);
  const fleet = openFleet(run, opened, "lock", ["freeze"]);
  const { deployTo } = opened.plan;
  try {
    const frozen: string[] = [];
    await fleet.onAll("freeze", async (host, session) => {
      const { atWork } = await session.request("freeze", { deployTo, freeze });
      frozen.push(host.name);
      if (atWork) run.output.report({ kind: "note", host: host.name, text: describeHolder(atWork) });
      return undefined;
    });
    const exit = concludeHosts(run, fleet.hosts, false);
    const hosts = fleet.hosts.flatMap(({ name }) => (frozen.includes(name) ? [{ host: name, freeze }] : []));
    run.output.result(describeFreezes(hosts), { hosts }, exit);
    return exit;
  } finally {
    await fleet.close();
  }
}

export async function unfreeze(run: Run, options: HostOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const fleet = openFleet(run, opened, "unlock", ["unfreeze"]);
  const { deployTo } = opened.plan;
  try {
    const ended = new Map<string, UnfreezeResult["ended"]>();
    await fleet.onAll("unfreeze", async (host, session) => {
      const result = await session.request("unfreeze", { deployTo });
      ended.set(host.name, result.ended);
      if (!result.ended) run.output.report({ kind: "note", host: host.name, text: "was not locked" });
      return undefined;
    });
    const exit = concludeHosts(run, fleet.hosts, false);
    const hosts = fleet.hosts.flatMap(({ name }) => {
      const freeze = ended.get(name);
      return freeze === undefined ? [] : [{ host: name, freeze }];
    });
    run.output.result(describeFreezes(hosts, "was locked"), { hosts }, exit);
    return exit;
  } finally {
    await fleet.close();
  }
}

function messageOf({ message }: FreezeOptions): string {
  const why = message.trim();
  if (why !== "") return why;
  const hint = 'those who are kept waiting want to know: zdr lock -m "freeze until Monday"';
  throw new ZdrError({ kind: "usage", problem: "--message is empty", hint });
}

function untilOf({ until }: FreezeOptions, now: Date): { readonly until?: string } {
  if (until === undefined) return {};
  const parsed = parseUntil(until, now);
  if ("ok" in parsed) return { until: parsed.ok.toISOString() };
  const hint = parsed.suggestion ?? "see: zdr lock --help";
  throw new ZdrError({ kind: "usage", problem: `--until ${JSON.stringify(until)} ${parsed.problem}`, hint });
}
