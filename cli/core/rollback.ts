/** Which release a rollback takes: the same one on all hosts, or none. Pure. */

import type { Survey } from "../../agent/protocol.ts";
import { type ReleaseInfo, TAG_PATTERN } from "../../agent/wire/release.ts";
import type { Failure } from "../failure.ts";

export type RollbackChoice =
  | { readonly kind: "tag"; readonly tag: string }
  /** Every host serves it already. */
  | { readonly kind: "nothing"; readonly because: string }
  | { readonly kind: "refused"; readonly failure: Failure };

interface HostSurvey {
  readonly host: string;
  readonly survey: Survey;
}

/**
 * `to`: what the operator asked for; it must be on every host. Otherwise the release proved last that is good on all of
 * them and is ahead of none: a host that serves it already (it reverted by itself, say) stays, the others go back to it.
 */
export function commonRollbackTarget(surveys: readonly HostSurvey[], to: string | undefined): RollbackChoice {
  if (to !== undefined) return askedFor(surveys, to);
  const hosts = surveys.map(({ survey }) => goodOn(survey));
  const [first] = hosts;
  if (!first) return { kind: "nothing", because: "no host" };
  for (const tag of first.ranks.keys()) {
    if (hosts.every((host) => isNotAhead(host, tag)) && hosts.some(({ current }) => current !== tag))
      return { kind: "tag", tag };
  }
  return { kind: "refused", failure: noneOf(surveys, hosts) };
}

/** Why there is none: no host has one, or they have none in common. */
function noneOf(surveys: readonly HostSurvey[], hosts: readonly GoodReleases[]): Failure {
  const each = surveys.map(({ host }, at) => ({ host, tag: hosts[at] && ownTarget(hosts[at]) }));
  if (each.some(({ tag }) => tag !== undefined) && each.length > 1) return { kind: "no-common-release", hosts: each };
  const current = hosts[0]?.current;
  const failure = { reason: "no-good-release", ...(current === undefined ? {} : { current }) } as const;
  return { kind: "agent", host: surveys.map(({ host }) => host).join(", "), failure };
}

/** What this host would go back to by itself. */
function ownTarget(host: GoodReleases): string | undefined {
  return [...host.ranks.keys()].find((tag) => tag !== host.current && isNotAhead(host, tag));
}

interface GoodReleases {
  readonly current: string | undefined;
  /** Of the good releases that are there, proved last first: by the ledger's order, not by its clocks. */
  readonly ranks: ReadonlyMap<string, number>;
}

function goodOn({ current, releases }: Survey): GoodReleases {
  const good = releases.filter((release) => release.verdict === "good" && release.isPresent);
  good.sort((a, b) => rank(b) - rank(a));
  return { current, ranks: new Map(good.map((release) => [release.tag, rank(release)])) };
}

/** Good on this host, and proved before what is current there, or current itself. */
function isNotAhead({ current, ranks }: GoodReleases, tag: string): boolean {
  const own = ranks.get(tag);
  if (own === undefined) return false;
  const now = current === undefined ? undefined : ranks.get(current);
  return now === undefined || tag === current || own < now;
}

function rank({ provedRank }: ReleaseInfo): number {
  return provedRank ?? -1;
}

/** What speaks against a release that was asked for by name, by host: the ledger's last word on it is that it failed. */
export function doubtsAbout(
  surveys: readonly HostSurvey[],
  tag: string,
): readonly { readonly host: string; readonly text: string }[] {
  const isBad = ({ survey }: HostSurvey) =>
    survey.releases.some((release) => release.tag === tag && release.verdict === "bad" && release.isPresent);
  const text = `the ledger calls ${tag} bad: it failed when it was last activated here; it is tried all the same, and the old release comes back if it fails again`;
  return surveys.filter(isBad).map(({ host }) => ({ host, text }));
}

function askedFor(surveys: readonly HostSurvey[], tag: string): RollbackChoice {
  // A folder that somebody has put beside the releases has any name, and is none.
  const isRelease = (release: ReleaseInfo) => release.tag === tag && release.isPresent && TAG_PATTERN.test(tag);
  const lacking = surveys.filter(({ survey }) => !survey.releases.some(isRelease));
  if (lacking.length === 0) return { kind: "tag", tag };
  const host = lacking.map(({ host }) => host).join(", ");
  return { kind: "refused", failure: { kind: "agent", host, failure: { reason: "release-missing", tag } } };
}
