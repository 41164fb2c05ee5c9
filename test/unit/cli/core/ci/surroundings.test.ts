import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actorOf, tagOfJob } from "../../../../../cli/core/ci/surroundings.ts";
import { requireTag } from "../../../../../cli/core/tag.ts";
import { ZdrError } from "../../../../../cli/failure.ts";

describe("the tag that a CI job is for", () => {
  test("is GitHub's ref, where that is a tag", () => {
    const env = { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.2" };
    assert.deepEqual(tagOfJob(env), { tag: "v1.2", variable: "GITHUB_REF_NAME" });
    assert.equal(tagOfJob({ GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "main" }), undefined);
  });

  test("is what GitLab and others name, and an empty name counts for none", () => {
    assert.equal(tagOfJob({ CI_COMMIT_TAG: "v1.2" })?.tag, "v1.2");
    assert.equal(tagOfJob({ CI_COMMIT_TAG: "", CIRCLE_TAG: "v3" })?.tag, "v3");
    assert.equal(tagOfJob({}), undefined);
  });

  test("gives way to --tag", () => {
    assert.equal(requireTag("v9", { CI_COMMIT_TAG: "v1.2" }), "v9");
    assert.equal(requireTag(undefined, { CI_COMMIT_TAG: "v1.2" }), "v1.2");
  });

  test("is refused where it can name no release, with the variable and a name that would do", () => {
    assert.throws(
      () => requireTag(undefined, { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "shop/v1.2" }),
      usage(/"shop\/v1.2" of GITHUB_REF_NAME holds "\/"/, /shop-v1.2/),
    );
  });

  test("is missed in words that say what the job is for", () => {
    assert.throws(
      () => requireTag(undefined, { CI: "true", GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "main" }),
      usage(/no tag is given, nor in GITHUB_REF_NAME, CI_COMMIT_TAG.*: this job is for a branch/, /--tag/),
    );
    assert.throws(() => requireTag(undefined, {}), usage(/^no tag is given$/, /--tag/));
  });
});

describe("who runs a command", () => {
  const me = { user: "ann", host: "laptop" };

  test("is the user of the machine, outside of CI", () => assert.deepEqual(actorOf({}, me), me));

  test("is who started the job, or ran it again, with the page of that very attempt", () => {
    const env = {
      ...{ GITHUB_ACTOR: "bob", GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "o/r" },
      ...{ GITHUB_RUN_ID: "42", GITHUB_RUN_ATTEMPT: "1" },
    };
    const run = "https://github.com/o/r/actions/runs/42";
    assert.deepEqual(actorOf(env, me), { user: "bob", host: "laptop", run });
    assert.deepEqual(actorOf({ ...env, GITHUB_RUN_ATTEMPT: "2", GITHUB_TRIGGERING_ACTOR: "eve" }, me), {
      ...{ user: "eve", host: "laptop" },
      run: `${run}/attempts/2`,
    });
  });

  test("is named by GitLab and Jenkins too", () => {
    const gitlab = { GITLAB_USER_LOGIN: "bob", CI_JOB_URL: "https://gitlab.example/1" };
    assert.deepEqual(actorOf(gitlab, me), { user: "bob", host: "laptop", run: "https://gitlab.example/1" });
    assert.equal(actorOf({ BUILD_URL: "https://jenkins.example/1" }, me).run, "https://jenkins.example/1");
  });
});

function usage(problem: RegExp, hint: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ZdrError && error.failure.kind === "usage");
    assert.match(error.failure.problem, problem);
    assert.match(error.failure.hint ?? "", hint);
    return true;
  };
}
