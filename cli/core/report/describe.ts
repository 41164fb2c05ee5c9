/** What a command did, in tables. Pure: rows and text from what the agents reported. */

import type { ControlResult } from "../../../agent/wire/control/control.ts";
import type { Actor } from "../../../agent/wire/plan.ts";
import type { HeldRelease, ReleaseInfo } from "../../../agent/wire/release.ts";
import type { ActivationReport, ProgramReport } from "../../../agent/wire/report.ts";
import { type Column, renderTable, type Table } from "./table.ts";
import { formatMs } from "./units.ts";

/** Of describeActivation's rows; what no program has is left out, so that the table fits a terminal. */
const ACTIVATION_COLUMNS: readonly Column[] = [
  { title: "host" },
  { title: "program" },
  { title: "did" },
  { title: "release" },
  { title: "pid" },
  { title: "served by" },
  { title: "ready", align: "right" },
  { title: "old gone", align: "right" },
  { title: "gap", align: "right" },
  { title: "in flight", align: "right" },
  { title: "requests", align: "right" },
  { title: "failed", align: "right" },
  { title: "reconnects", align: "right" },
  { title: "slowest", align: "right" },
  { title: "proof" },
];

/** One row for each program of a host. */
function describeActivation(host: string, report: ActivationReport): string[][] {
  // What went is the release that failed, and what got ready the one that is back: each time says whose it is.
  const { outcome, tag, previous } = report;
  const isBack = outcome === "reverted" || outcome === "stuck";
  const of = (release: string | undefined, time: string) =>
    isBack && time !== "" && release !== undefined ? `${release}: ${time}` : time;
  return report.programs.map((program) => [
    host,
    program.name,
    isBack ? wentBack(program) : program.action,
    isBack
      ? `${tag} failed, ${program.after.release ?? "unknown"} again`
      : fromTo(program.before.release, program.after.release),
    pids(program),
    servedBy(program),
    of(previous, program.readyMs === undefined ? "" : formatMs(program.readyMs)),
    of(tag, oldGone(program)),
    program.gapMs === undefined ? "" : formatMs(program.gapMs),
    inFlight(program),
    ...metered(program),
    program.proof,
  ]);
}

/** What the release that failed cost, then what it took to go back: `restart, back by start`, `reload, old one stayed`. */
function wentBack({ tried, action }: ProgramReport): string {
  if (tried === undefined) return action === "none" ? "none" : `${action}, back`;
  return action === "none" ? `${tried}, old one stayed` : `${tried}, back by ${action}`;
}

type HostReports = readonly { host: string; report: ActivationReport }[];

/** The final table over all hosts; empty where no program was touched. */
export function activationTable(reports: HostReports, maxWidth?: number): string {
  return renderTable(ACTIVATION_COLUMNS, activations(reports, "").rows, maxWidth);
}

/** The same, for those who show it otherwise. */
export function activations(reports: HostReports, tag: string): Table {
  const rows = reports.flatMap(({ host, report }) => describeActivation(host, report));
  return { title: tag, columns: ACTIVATION_COLUMNS, rows };
}

const RELEASE_COLUMNS: readonly Column[] = [
  { title: "host" },
  { title: "" },
  { title: "release" },
  { title: "became" },
  { title: "when" },
  { title: "by" },
  { title: "revision" },
  { title: "runs in" },
];

/** The table of `zdr releases`; `*` marks what is current. With one host its name is left out. */
export function describeReleases(hosts: readonly { host: string; releases: readonly ReleaseInfo[] }[]): string {
  const rows = hosts.flatMap(({ host, releases }) =>
    releases.map((release) => [
      hosts.length > 1 ? host : "",
      release.isCurrent ? "*" : "",
      release.tag,
      verdict(release),
      formatInstant(release.at),
      release.by === undefined ? "" : formatActor(release.by),
      revision(release),
      release.runs.join(", "),
    ]),
  );
  return renderTable(RELEASE_COLUMNS, rows);
}

/** What `start`, `stop`, `restart` and `reload` did: one row for each program. */
export function describeControl(hosts: readonly { host: string; result: ControlResult }[]): string {
  const columns: Column[] = [
    { title: "host" },
    { title: "program" },
    { title: "did" },
    { title: "state" },
    { title: "pid", align: "right" },
    { title: "gap", align: "right" },
  ];
  const rows = hosts.flatMap(({ host, result }) =>
    result.programs.map(({ name, done, info, gapMs }) => [
      host,
      name,
      done,
      info.statename,
      info.pid === 0 ? "" : String(info.pid),
      gapMs === undefined ? "" : formatMs(gapMs),
    ]),
  );
  return renderTable(columns, rows);
}

/** `v1.0 stays: pid 4711 (sleep) works in it`. */
export function describeHeld({ tag, pid, command, as }: HeldRelease): string {
  return `${tag} stays: pid ${pid} (${command}) ${as === "may run" ? "can not be looked into, and may run it" : `${as} it`}`;
}

/** `2026-11-20 10:39:12Z` of an ISO 8601 text in UTC; anything else as it is. */
export function formatInstant(at: string | undefined): string {
  return at === undefined ? "" : at.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|\+00:00)$/, "$1 $2Z");
}

/** `ann@laptop`, with the CI run where there is one. */
export function formatActor({ user, host, run }: Actor): string {
  return run === undefined ? `${user}@${host}` : `${user}@${host} (${run})`;
}

function fromTo(before: string | undefined, after: string | undefined): string {
  if (before === after) return after ?? "unknown";
  return `${before ?? "none"} -> ${after ?? "unknown"}`;
}

function pids({ before, after, members }: ProgramReport): string {
  if (members !== undefined) return memberPids(members);
  if (before.pid === after.pid) return after.pid === 0 ? "none" : `${after.pid} (same)`;
  return `${before.pid === 0 ? "none" : before.pid} -> ${after.pid === 0 ? "none" : after.pid}`;
}

/** Of a program with many workers the first ones stand for all. */
const PIDS_SHOWN = 2;

/** The processes that accept connections, which are not supervisor's where a master or a keeper is between. */
function servedBy({ serving }: ProgramReport): string {
  if (serving === undefined) return "";
  const { before, after } = serving;
  return String(before) === String(after) ? `${some(after)} (same)` : `${some(before)} -> ${some(after)}`;
}

function some(pids: readonly number[]): string {
  if (pids.length === 0) return "none";
  const shown = pids.slice(0, PIDS_SHOWN).join(", ");
  return pids.length > PIDS_SHOWN ? `${shown} and ${pids.length - PIDS_SHOWN} more` : shown;
}

/** What became of zdr's own requests that the old release had when the reload began. */
function inFlight({ meter }: ProgramReport): string {
  const { sent = 0, failed = 0 } = meter?.inFlight ?? {};
  if (sent === 0) return "";
  return failed === 0 ? `${sent} answered` : `${failed} of ${sent} lost`;
}

/** Those of `bluegreen` are one each, and the old one goes. */
function memberPids({ before, after }: NonNullable<ProgramReport["members"]>): string {
  const list = (members: readonly { readonly pid: number }[]) => members.map(({ pid }) => pid).join(", ") || "none";
  const [old, now] = [list(before), list(after)];
  return old === now ? `${now} (same)` : `${old} -> ${now}`;
}

function oldGone({ oldGoneMs, draining, connections, ended = 0 }: ProgramReport): string {
  if (draining > 0) {
    return `still draining (${draining}${connections === undefined ? "" : `, ${connections} open`})`;
  }
  if (oldGoneMs === undefined) return "";
  return ended > 0 ? `${formatMs(oldGoneMs)}, ended` : formatMs(oldGoneMs);
}

function metered({ meter, action }: ProgramReport): string[] {
  if (meter === undefined) return action === "none" ? ["", "", "", ""] : ["not measured", "", "", ""];
  const { during, baseline } = meter;
  return [
    String(during.sent),
    baseline.failed === 0
      ? String(during.failed)
      : `${during.failed} (before the flip: ${baseline.failed} of ${baseline.sent})`,
    during.reconnects === 0 ? "" : String(during.reconnects),
    during.sent === 0 ? "-" : formatMs(during.slowestMs),
  ];
}

function verdict({ verdict: became, isPresent }: ReleaseInfo): string {
  return isPresent || became === "removed" ? became : `${became}, not there`;
}

function revision({ revision: built }: ReleaseInfo): string {
  return built === undefined ? "" : `${built.commit.slice(0, 12)}${built.dirty ? " (dirty)" : ""}`;
}
