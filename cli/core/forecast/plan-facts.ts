/**
 * What the ID of a plan stands for. It has three parts, so that a deploy that is held to a plan can say which of them is not
 * as it was: the build, the config, the hosts.
 *
 * - The same facts have the same ID, on whatever machine it is made.
 * - What changes by itself (pids, free space, uptimes) is no part of it; whatever would change what is done is.
 * - No secret goes into it: who has the ID could try guesses on it. So of a variable it holds the name, of a URL nothing behind
 *   the ?, and of a hook, on hosts or here, when it runs, for how long, which program it is, and of how many words; not the
 *   words. A change in these alone is not noticed.
 * - What builds a release (`build.run`) is known by what has come of it: the digest.
 */
import type { HookEvent, ProjectPlan } from "../../../agent/wire/plan.ts";
import type { RolloutPlan } from "../fleet/rollout.ts";
import { forecastHost, type LookedAt } from "./forecast.ts";

export const PLAN_PARTS = ["build", "config", "hosts"] as const;
export type PlanPart = (typeof PLAN_PARTS)[number];

/** A hook that runs where zdr does. */
interface LocalHookFacts {
  readonly when: HookEvent;
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

export interface PlanFacts {
  readonly tag: string;
  /** Of the build. */
  readonly digest: string;
  readonly project: ProjectPlan;
  readonly rollout: RolloutPlan;
  readonly localHooks: readonly LocalHookFacts[];
  readonly hosts: readonly LookedAt[];
}

/** The text of each part, of which the ID has the beginning of the sha256. */
export function planTexts(facts: PlanFacts): Readonly<Record<PlanPart, string>> {
  const { tag, digest, project, rollout, localHooks, hosts } = facts;
  const inOrder = [...hosts].sort((a, b) => (a.host < b.host ? -1 : 1));
  return {
    build: JSON.stringify([tag, digest]),
    config: JSON.stringify([withoutSecrets(project), rollout, localHooks.map(withoutWords)]),
    hosts: JSON.stringify(inOrder.map((host) => hostFacts(host, tag, project))),
  };
}

const PLAN_ID = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;

export function isPlanId(text: string): boolean {
  return PLAN_ID.test(text);
}

/** The parts in which two IDs differ. */
export function changedParts(planned: string, now: string): PlanPart[] {
  const [was, is] = [planned.split("-"), now.split("-")];
  return PLAN_PARTS.filter((_, at) => was[at] !== is[at]);
}

/**
 * Whether a host that was looked at again would still have done to it what was planned. What has become of the release itself since
 * then is this deploy's own work.
 */
export function isHostAsPlanned(was: LookedAt, now: LookedAt, tag: string, project: ProjectPlan): boolean {
  const [before, after] = [was, now].map((looked) => {
    const { releases, ...rest } = hostFacts(looked, tag, project);
    return JSON.stringify([rest, releases.filter(([name]) => name !== tag)]);
  });
  return before === after;
}

/** What is sent and pruned follows from these, from the build and from the config. */
function hostFacts(looked: LookedAt, tag: string, project: ProjectPlan) {
  const { host, from, programs } = forecastHost(looked, tag, project);
  const releases = looked.survey.releases.map(({ tag: name, verdict, digest }) => [name, verdict, digest]).sort();
  return {
    ...{ host, from, releases },
    programs: programs.map(({ name, process, action, state, runs, findings }) => ({
      ...{ name, process, action, state, runs },
      refused: findings.filter(({ level }) => level === "refuse").map(({ rule }) => rule),
    })),
  };
}

function withoutSecrets({ supervisor, programs, hooks = [], ...project }: ProjectPlan) {
  const { password: _, ...address } = supervisor;
  return {
    ...{ ...project, supervisor: address, hooks: hooks.map(withoutWords) },
    programs: programs.map(({ environment, health, reload, ...program }) => ({
      ...{ ...program, environment: Object.keys(environment) },
      health: health && { ...health, http: withoutQuery(health.http) },
      reload: { ...reload, url: reload.url && withoutQuery(reload.url) },
    })),
  };
}

/** A hook's words may hold a token, and a line for sh is one of them. */
function withoutWords<H extends { readonly argv: readonly string[] }>({ argv, ...hook }: H) {
  return { ...hook, program: argv[0], words: argv.length };
}

/** Also without a name and a password before the host. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/^(\w+:\/\/)[^/]*@/, "$1");
}
