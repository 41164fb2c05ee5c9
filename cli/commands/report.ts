/** `zdr report [DEPLOY]`: one page about one deploy, from what the ledgers of its hosts and their last traces tell. */
import { resolve } from "node:path";
import type { HistoryEntry } from "../../agent/wire/history.ts";
import type { ActivationTrace } from "../../agent/wire/trace/trace.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { type Choice, type ChosenHost, chooseDeploy } from "../core/page/choose.ts";
import { renderPage } from "../core/page/document.ts";
import { fileNameOf, goalOf, overallOf, type Part, type ReportedHost, type ReportFacts } from "../core/page/facts.ts";
import { titleOf } from "../core/page/summary.ts";
import type { HostTarget } from "../core/plan.ts";
import { formatBytes } from "../core/report/units.ts";
import { explainActivation } from "../explain.ts";
import { ZdrError } from "../failure.ts";
import { readPageAssets, writePage } from "../io/page.ts";
import type { Fleet } from "../io/session/fleet.ts";
import type { Run } from "../run.ts";
import { HISTORY_LENGTH } from "./history.ts";
import { type HostOptions, openConfig, openFleet } from "./parts/open.ts";
import { closeRead, concludeHosts, orInterrupted, whyFailed } from "./parts/outcome.ts";

export interface ReportOptions extends HostOptions {
  /** Where the page goes; `-`: stdout. */
  readonly output?: string;
  readonly json?: boolean;
}

const STDOUT = "-";

export async function report(run: Run, deploy: string | undefined, options: ReportOptions): Promise<ExitCode> {
  refuseTwoOnStdout(options);
  const opened = openConfig(run, options);
  const { deployTo } = opened.plan;
  // The last deploy is among the last; one that is named may be anywhere.
  const body = { deployTo, limit: deploy === undefined ? HISTORY_LENGTH : 0 };
  const fleet = openFleet(run, opened, "report", [], () => ({ verb: "history", body }));
  try {
    const histories = new Map<string, readonly HistoryEntry[]>();
    const asked = fleet.onAll("survey", async (host, session) => {
      const { history, warnings } = await session.request("history", body);
      histories.set(host.name, history);
      for (const text of warnings) run.output.report({ kind: "warning", host: host.name, text });
      return undefined;
    });
    await orInterrupted(run, asked);
    if (histories.size === 0) return concludeHosts(run, fleet.hosts, false);
    const { id, hosts } = orRefuse(
      chooseDeploy(
        [...histories].map(([host, history]) => ({ host, history })),
        deploy,
      ),
    );
    const traces = await orInterrupted(run, fetchTraces(fleet, deployTo, hosts));
    const facts: ReportFacts = {
      ...{ project: opened.config.project, id, madeAt: new Date().toISOString() },
      hosts: hosts.map((host) => reported(host, traces)),
      silent: silentOf(fleet),
    };
    const exit = concludeHosts(run, fleet.hosts, false);
    tellPage(run, facts, options, exit);
    return exit;
  } finally {
    await closeRead(run, fleet);
  }
}

function refuseTwoOnStdout({ output, json }: ReportOptions): void {
  if (output !== STDOUT || json !== true) return;
  const hint = "name a file: zdr report --json -o report.html";
  throw new ZdrError({ kind: "usage", problem: "--json and the page can not both go to stdout", hint });
}

function orRefuse(choice: Choice) {
  if (choice.kind === "refused") throw new ZdrError(choice.failure);
  return choice;
}

/** By activation. A host that does not answer this time has its part in the page all the same, and fails the command. */
async function fetchTraces(
  fleet: Fleet<HostTarget>,
  deployTo: string,
  hosts: readonly ChosenHost[],
): Promise<Map<string, ActivationTrace>> {
  const traces = new Map<string, ActivationTrace>();
  const asking = hosts.map(async ({ host: name, entries }) => {
    const host = fleet.hosts.find((one) => one.name === name);
    const activations = entries.flatMap(({ activation }) => activation ?? []);
    if (host === undefined || host.failure !== undefined || activations.length === 0) return;
    await fleet.onOne(host, "survey", async (_, session) => {
      const result = await session.request("traces", { deployTo, activations });
      for (const trace of result.traces) traces.set(keyOf(name, trace.activation), trace);
      return undefined;
    });
  });
  await Promise.all(asking);
  return traces;
}

const keyOf = (host: string, activation: string) => JSON.stringify([host, activation]);

function reported({ host, entries }: ChosenHost, traces: ReadonlyMap<string, ActivationTrace>): ReportedHost {
  return { host, parts: entries.map((entry) => partOf(host, entry, traces)) };
}

function partOf(host: string, entry: HistoryEntry, traces: ReadonlyMap<string, ActivationTrace>): Part {
  const trace = entry.activation === undefined ? undefined : traces.get(keyOf(host, entry.activation));
  return { entry, trace, told: trace && explainActivation(host, trace.report) };
}

function silentOf(fleet: Fleet<HostTarget>): ReportFacts["silent"] {
  return fleet.failed.map((host) => ({ host: host.name, why: whyFailed(host) }));
}

function tellPage(run: Run, facts: ReportFacts, { output }: ReportOptions, exit: ExitCode): void {
  const page = renderPage(facts, readPageAssets(run.bundles));
  if (output === STDOUT) {
    run.output.result(page, {}, exit);
    return;
  }
  const tag = goalOf(facts)?.tag ?? "";
  const file = output ?? fileNameOf(facts);
  writePage(resolve(run.cwd, file), page);
  const bytes = Buffer.byteLength(page);
  const told = facts.hosts.filter(({ parts }) => parts.length > 0).length;
  const words = `${file}: ${titleOf(facts)}, ${overallOf(facts).words} (${formatBytes(bytes)})`;
  run.output.result(`${words}\n`, { file, bytes, deploy: facts.id, tag, hosts: told }, exit);
}
