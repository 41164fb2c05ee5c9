/** Which release a rollback takes: the same one on all hosts, or none. Pure. */
import type { ReleaseInfo, Survey } from "../../agent/protocol.ts";
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

/** `to`: what the operator asked for; it must be on every host. Otherwise the newest that is good on all of them. */
export function commonRollbackTarget(surveys: readonly HostSurvey[], to: string | undefined): RollbackChoice {
  if (to !== undefined) return askedFor(surveys, to);
  const [first, ...rest] = surveys;
  if (!first) return { kind: "nothing", because: "no host" };
  const isCandidate = ({ survey }: HostSurvey, tag: string) =>
    goodReleases(survey).some((release) => release.tag === tag) && survey.current !== tag;
  for (const { tag } of goodReleases(first.survey)) {
    if ([first, ...rest].every((one) => isCandidate(one, tag))) return { kind: "tag", tag };
  }
  const { current } = first.survey;
  const failure = { reason: "no-good-release", ...(current === undefined ? {} : { current }) } as const;
  return { kind: "refused", failure: { kind: "agent", host: surveys.map(({ host }) => host).join(", "), failure } };
}

/** Proved last first. */
function goodReleases({ releases }: Survey): ReleaseInfo[] {
  return releases
    .filter((release) => release.verdict === "good" && release.isPresent)
    .sort((a, b) => ((a.at ?? "") < (b.at ?? "") ? 1 : -1));
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
