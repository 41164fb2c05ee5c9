/** What a deploy would do, per host, read and not done. */

import type { ProjectPlan } from "../../../agent/wire/plan.ts";
import type { StageResult } from "../../../agent/wire/stage.ts";
import type { Config } from "../config.ts";
import {
  forecastHost,
  type HostForecast,
  type LookedAt,
  type PlannedProgram,
  type PlannedRelease,
} from "../forecast/forecast.ts";
import { hookLines, plannedHooks } from "../forecast/hooks.ts";
import { describeHeld } from "./describe.ts";
import { sanitize } from "./sanitize.ts";
import { count, formatBytes } from "./units.ts";

/** Lines of text that end in a newline: what would be sent, flipped, and done to each program of each host, and which hooks run. */
export function describeDryRun(
  hosts: readonly LookedAt[],
  release: PlannedRelease,
  project: ProjectPlan,
  hooks: Config["hooks"] = {},
): string {
  const lines = hosts.flatMap((host) => describeHost(host, release, project));
  const hooked = hookedHosts(hosts, release, project);
  return [...lines, ...hookLines(plannedHooks(hooks, hooked), hooked)].map((line) => `${sanitize(line)}\n`).join("");
}

/** Those on which hooks run. */
export function hookedHosts(hosts: readonly LookedAt[], { tag }: PlannedRelease, project: ProjectPlan): string[] {
  return hosts.filter((host) => !forecastHost(host, tag, project).isServed).map(({ host }) => host);
}

/**
 * The same, and what to type next. `planId`: undefined where a deploy would be refused, or a host could not be read. `flags`: those of
 * the plan, each with a blank before it.
 */
export function describePlan(
  hosts: readonly LookedAt[],
  release: PlannedRelease,
  project: ProjectPlan,
  planId: string | undefined,
  hooks: Config["hooks"] = {},
  flags = "",
): string {
  const text = describeDryRun(hosts, release, project, hooks);
  if (planId === undefined) return text;
  if (hosts.every((host) => forecastHost(host, release.tag, project).isDone))
    return `${text}nothing to do: ${release.tag} serves everywhere\n`;
  return `${text}plan ${planId}: zdr deploy --tag ${release.tag} --plan ${planId}${flags}\n`;
}

function describeHost(looked: LookedAt, release: PlannedRelease, project: ProjectPlan): string[] {
  const { host, survey, stage } = looked;
  const forecast = forecastHost(looked, release.tag, project);
  const lines = [
    ...(stage === undefined ? [] : [stageLine(stage, release, forecast)]),
    flipLine(forecast),
    ...forecast.programs.flatMap(programLines),
    ...pruneLines(forecast, stage),
    ...survey.warnings.map((warning) => `warning: ${warning}`),
  ];
  return [`${host}:`, ...lines.map((line) => `  ${line}`)];
}

function stageLine(stage: StageResult, { tag, files, bytes }: PlannedRelease, forecast: HostForecast): string {
  if (stage.staged)
    return `stage: ${tag} is there already (${count(files, "file")}, ${formatBytes(bytes)}); nothing to send`;
  const { freeBytes, freeBytesAfter } = forecast;
  const sent = `send ${count(stage.missing.length, "file")}, ${formatBytes(stage.missingBytes)}`;
  const copied = stage.copiedBytes === 0 ? "" : `, copy ${formatBytes(stage.copiedBytes)} from releases that are there`;
  const after = freeBytesAfter === undefined ? "" : `, ${formatBytes(freeBytesAfter)} afterwards`;
  return `stage: ${sent}${copied} (of ${count(files, "file")}, ${formatBytes(bytes)}; ${formatBytes(freeBytes)} free${after})`;
}

function flipLine({ from, to }: HostForecast): string {
  if (from === to) return `flip: none, current names ${to} already`;
  return `flip: current from ${from ?? "nothing"} to ${to}`;
}

function programLines(program: PlannedProgram): string[] {
  const { name, words, state, pid, runs, findings } = program;
  const facts = [state, pid === undefined ? "" : `pid ${pid}`, runs === undefined ? "" : `runs ${runs}`];
  const now = state === undefined ? "" : ` (${facts.filter(Boolean).join(", ")})`;
  return [
    `${name}: ${words}${now}`,
    ...findings.map(({ level, text, fix }) => `${name}: ${level}: ${text}; fix: ${fix}`),
  ];
}

function pruneLines({ prune }: HostForecast, stage: StageResult | undefined): string[] {
  const { prunedBytes = 0, held = [] } = stage?.foreseen ?? {};
  const going = prune.length === 0 ? [] : [`prune: ${prune.join(", ")}, which gives back ${formatBytes(prunedBytes)}`];
  return [...going, ...held.map((one) => `prune: ${describeHeld(one)}`)];
}
