/** What a deploy would do on every host: told by `deploy --dry-run` and `plan`, and compared by `deploy --plan`. */
import { createHash } from "node:crypto";
import type { Survey } from "../../../agent/protocol.ts";
import type { Manifest } from "../../../agent/wire/release.ts";
import { EXIT, type ExitCode } from "../../core/exit-code.ts";
import { forecastHost, type LookedAt, type PlannedRelease } from "../../core/forecast/forecast.ts";
import { plannedHooks } from "../../core/forecast/hooks.ts";
import { changedParts, isHostAsPlanned, isPlanId, PLAN_PARTS, planTexts } from "../../core/forecast/plan-facts.ts";
import { type HostTarget, localHooks, rolloutPlan } from "../../core/plan.ts";
import { describeDryRun, describePlan, hookedHosts } from "../../core/report/describe-dry-run.ts";
import { sameHosts } from "../../explain/flags.ts";
import { ZdrError } from "../../failure.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import type { Opened } from "./open.ts";
import { concludeHosts } from "./outcome.ts";
import type { Planned } from "./reconnect.ts";

type Surveys = ReadonlyMap<FleetHost, Survey>;

/** @throws ZdrError `usage` for what can not be the ID of a plan. */
export function requirePlanId(id: string | undefined): void {
  if (id === undefined || isPlanId(id)) return;
  const hint = "zdr plan prints it: three times eight letters and digits, with dashes between";
  throw new ZdrError({ kind: "usage", problem: `--plan ${JSON.stringify(id)} is no plan's ID`, hint });
}

/** Asks every host, and tells what a deploy would do there. */
export async function tellDryRun(
  run: Run,
  { plan, config }: Opened,
  fleet: Fleet<HostTarget>,
  surveys: Surveys,
  manifest: Manifest,
): Promise<ExitCode> {
  const rows = await lookAtHosts(fleet, surveys, manifest);
  const release = releaseOf(manifest);
  const exit = concludeHosts(run, fleet.hosts);
  const hooks = plannedHooks(config.hooks, hookedHosts(rows, release, plan));
  run.output.result(describeDryRun(rows, release, plan, config.hooks), { dryRun: rows, release, hooks }, exit);
  return exit;
}

/** The same with an ID, and an exit code that says whether there is anything to do. */
export async function tellPlan(
  run: Run,
  opened: Opened,
  fleet: Fleet<HostTarget>,
  surveys: Surveys,
  manifest: Manifest,
): Promise<ExitCode> {
  const { plan, config } = opened;
  const rows = await lookAtHosts(fleet, surveys, manifest);
  const release = releaseOf(manifest);
  const hosts = rows.map((row) => forecastHost(row, release.tag, plan));
  const isRefused = hosts.some((host) => host.isRefused);
  const failed = concludeHosts(run, fleet.hosts, false);
  const isDone = hosts.every((host) => host.isDone);
  const id = isRefused || failed !== EXIT.done ? undefined : planIdOf(opened, manifest, rows);
  const exit = failed !== EXIT.done ? failed : isRefused ? EXIT.refused : isDone ? EXIT.done : EXIT.pending;
  const hooks = plannedHooks(config.hooks, hookedHosts(rows, release, plan));
  const text = describePlan(rows, release, plan, id, config.hooks, sameHosts(opened.given));
  run.output.result(text, { id, tag: release.tag, release, hosts, hooks }, exit);
  return exit;
}

/** @throws ZdrError `plan-changed` where this is not what was planned. */
export function holdToPlan(opened: Opened, surveys: Surveys, manifest: Manifest, id: string): void {
  const hosts = [...surveys].map(([{ name: host }, survey]) => ({ host, survey }));
  const changed = changedParts(id, planIdOf(opened, manifest, hosts));
  const { given } = opened;
  if (changed.length > 0) throw new ZdrError({ kind: "plan-changed", plan: id, tag: manifest.tag, changed, given });
}

/** For `Relink`: whether a host, as it is found over a new link, still is what was planned with. */
export function stillPlanned({ plan: project }: Opened, surveys: Surveys, tag: string, plan: string): Planned {
  return {
    plan,
    isHeld: (host, survey) => {
      const was = surveys.get(host);
      const looked = (one: Survey) => ({ host: host.name, survey: one });
      return was !== undefined && isHostAsPlanned(looked(was), looked(survey), tag, project);
    },
  };
}

async function lookAtHosts(fleet: Fleet<HostTarget>, surveys: Surveys, manifest: Manifest): Promise<LookedAt[]> {
  const rows = new Map<FleetHost, LookedAt>();
  await fleet.onAll("stage", async (host, session) => {
    const survey = surveys.get(host);
    const stage = await session.request("stage", { manifest, dryRun: true });
    if (survey) rows.set(host, { host: host.name, survey, stage });
    return undefined;
  });
  return fleet.hosts.flatMap((host) => rows.get(host) ?? []);
}

function releaseOf({ tag, entries }: Manifest): PlannedRelease {
  const files = entries.filter((entry) => entry.type === "file");
  return { tag, files: files.length, bytes: files.reduce((sum, file) => sum + file.size, 0) };
}

function planIdOf({ plan, config }: Opened, { tag, digest }: Manifest, hosts: readonly LookedAt[]): string {
  const facts = { tag, digest, project: plan, hosts };
  const texts = planTexts({ ...facts, rollout: rolloutPlan(config), localHooks: localHooks(config) });
  return PLAN_PARTS.map((part) => createHash("sha256").update(texts[part]).digest("hex").slice(0, 8)).join("-");
}
