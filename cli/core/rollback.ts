/** Which release a rollback takes: the same one on all hosts, or none. Pure. */

import type { Survey } from "../../agent/protocol.ts";
import type { ReleaseInfo } from "../../agent/wire/release.ts";
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
  const [first, ...rest] = surveys;
  if (!first) return { kind: "nothing", because: "no host" };
  for (const { tag } of goodReleases(first.survey)) {
    const isWanted = [first, ...rest].every(({ survey }) => isNotAhead(survey, tag));
    if (isWanted && surveys.some(({ survey }) => survey.current !== tag)) return { kind: "tag", tag };
  }
  const { current } = first.survey;
  const failure = { reason: "no-good-release", ...(current === undefined ? {} : { current }) } as const;
  return { kind: "refused", failure: { kind: "agent", host: surveys.map(({ host }) => host).join(", "), failure } };
}

/** Good on this host, and proved before what is current there, or current itself. */
function isNotAhead(survey: Survey, tag: string): boolean {
  const release = goodReleases(survey).find((one) => one.tag === tag);
  if (release === undefined) return false;
  const current = survey.releases.find((one) => one.tag === survey.current);
  return current === undefined || tag === current.tag || current.verdict !== "good" || rank(release) < rank(current);
}

/** Proved last first. By the ledger's order, not by its clocks. */
function goodReleases({ releases }: Survey): ReleaseInfo[] {
  return releases
    .filter((release) => release.verdict === "good" && release.isPresent)
    .sort((a, b) => rank(b) - rank(a));
}

function rank({ provedRank }: ReleaseInfo): number {
  return provedRank ?? -1;
}

function askedFor(surveys: readonly HostSurvey[], tag: string): RollbackChoice {
  const lacking = surveys.find(
    ({ survey }) => !survey.releases.some((release) => release.tag === tag && release.isPresent),
  );
  if (!lacking) return { kind: "tag", tag };
  return {
    kind: "refused",
    failure: { kind: "agent", host: lacking.host, failure: { reason: "release-missing", tag } },
  };
}
