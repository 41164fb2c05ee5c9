/** What a CI system says of the job that zdr runs in, by the variables that it documents. */
import type { Actor } from "../../../agent/wire/plan.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a tag may stand, the first one that is set counts. `if`: another variable that says what kind of name it is. */
const TAG_VARIABLES: readonly { readonly name: string; readonly if?: readonly [name: string, value: string] }[] = [
  // docs.github.com, "Variables reference"; Gitea and Forgejo set the same.
  { name: "GITHUB_REF_NAME", if: ["GITHUB_REF_TYPE", "tag"] },
  // GitLab; Woodpecker sets the same.
  { name: "CI_COMMIT_TAG" },
  { name: "BITBUCKET_TAG" },
  { name: "CIRCLE_TAG" },
  { name: "BUILDKITE_TAG" },
  { name: "DRONE_TAG" },
  { name: "TRAVIS_TAG" },
  { name: "APPVEYOR_REPO_TAG_NAME" },
  // Jenkins, for a build of a tag
  { name: "TAG_NAME" },
];

export const TAG_VARIABLE_NAMES: readonly string[] = TAG_VARIABLES.map(({ name }) => name);

export interface NamedTag {
  readonly tag: string;
  /** The variable that it stands in. */
  readonly variable: string;
}

/** The tag that a CI job was started for; undefined: it was started for none, or this is no CI job. */
export function tagOfJob(env: Environment): NamedTag | undefined {
  for (const { name, if: condition } of TAG_VARIABLES) {
    const tag = env[name];
    if (tag === undefined || tag === "") continue;
    if (condition === undefined || env[condition[0]] === condition[1]) return { tag, variable: name };
  }
  return undefined;
}

/** Who started the job: of a job that was run again, who did that. */
const USER_VARIABLES = [
  "GITHUB_TRIGGERING_ACTOR",
  "GITHUB_ACTOR",
  "GITLAB_USER_LOGIN",
  "CIRCLE_USERNAME",
  "BUILDKITE_BUILD_CREATOR",
  "DRONE_COMMIT_AUTHOR",
  "BUILD_USER_ID",
];
const RUN_VARIABLES = ["CI_JOB_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "TRAVIS_JOB_WEB_URL", "BUILD_URL"];

/** Who is to be named in the lock and the ledger; `user` and `host` are those of this process. */
export function actorOf(env: Environment, { user, host }: { readonly user: string; readonly host: string }): Actor {
  const run = githubRun(env) ?? firstSet(env, RUN_VARIABLES);
  return { user: firstSet(env, USER_VARIABLES) ?? user, host, ...(run === undefined ? {} : { run }) };
}

/** An attempt has a page of its own, since a job may be run again. */
function githubRun(env: Environment): string | undefined {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT = "1" } = env;
  if ((GITHUB_RUN_ID ?? "") === "") return undefined;
  const attempt = GITHUB_RUN_ATTEMPT === "1" ? "" : `/attempts/${GITHUB_RUN_ATTEMPT}`;
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}${attempt}`;
}

function firstSet(env: Environment, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
}
