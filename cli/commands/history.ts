/** `zdr history`: what was done on each host, by whom, how long it took and what was proved. */
import type { HistoryResult } from "../../agent/wire/history.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { describeHistory } from "../core/report/describe-history.ts";
import { ZdrError } from "../failure.ts";
import type { Run } from "../run.ts";
import { type HostOptions, openConfig, openFleet } from "./parts/open.ts";
import { closeRead, concludeHosts, orInterrupted } from "./parts/outcome.ts";

export interface HistoryOptions extends HostOptions {
  /** How many of each host. */
  readonly number?: string;
}

/** As many as a screen shows. */
export const HISTORY_LENGTH = 20;

export async function history(run: Run, options: HistoryOptions): Promise<ExitCode> {
  const limit = limitOf(options.number);
  const opened = openConfig(run, options);
  const body = { deployTo: opened.plan.deployTo, limit };
  const fleet = openFleet(run, opened, "history", [], () => ({ verb: "history", body }));
  try {
    const found = new Map<string, HistoryResult>();
    const asked = fleet.onAll("survey", async (host, session) => {
      const result = await session.request("history", body);
      found.set(host.name, result);
      for (const text of result.warnings) run.output.report({ kind: "warning", host: host.name, text });
      return undefined;
    });
    await orInterrupted(run, asked);
    const exit = concludeHosts(run, fleet.hosts, false);
    const hosts = fleet.hosts.flatMap(({ name }) => {
      const result = found.get(name);
      return result === undefined ? [] : [{ host: name, history: result.history, more: result.more }];
    });
    if (hosts.length > 0 && hosts.every((host) => host.history.length === 0)) {
      run.output.report({ kind: "note", text: "nothing has been deployed to these hosts yet" });
    }
    run.output.result(describeHistory(hosts, run.columns), { hosts }, exit);
    return exit;
  } finally {
    await closeRead(run, fleet);
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return HISTORY_LENGTH;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const hint = '"-n 50" for the last fifty, "-n 0" for all of them';
  throw new ZdrError({ kind: "usage", problem: `--number ${JSON.stringify(text)} is no number`, hint });
}
