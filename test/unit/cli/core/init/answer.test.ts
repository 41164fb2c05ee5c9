import assert from "node:assert/strict";
import { test } from "node:test";
import { answerProblem, flagProblems } from "../../../../../cli/core/init/answer.ts";
import type { Answers } from "../../../../../cli/core/init/render.ts";

const problem = <Key extends keyof Answers>(key: Key, answer: Answers[Key], soFar: Partial<Answers> = {}) =>
  answerProblem(undefined, { ...soFar, [key]: answer }, key);

test("an answer that deploy.yml would be refused for is told why, and no other", () => {
  assert.match(problem("deployTo", "data/web") ?? "", /absolute/);
  assert.match(problem("hosts", ["a@b@c:x"]) ?? "", /./);
  assert.equal(problem("hosts", [""]), "names no host");
  assert.match(problem("preset", "overser" as Answers["preset"]) ?? "", /overseer/);
  assert.match(problem("health", "8080/healthz") ?? "", /./);
  assert.match(problem("command", "bin/shop 'unclosed") ?? "", /./);
  assert.match(problem("project", "a/b") ?? "", /./);
});

test("an answer that will do has no problem, whatever has not been answered yet", () => {
  for (const [key, answer] of Object.entries({
    ...{
      project: "web",
      hosts: ["deploy@web1", "local"],
      deployTo: "/srv/web",
      preset: "node",
      command: "/usr/bin/node app.js",
    },
    health: undefined,
  })) {
    assert.equal(problem(key as keyof Answers, answer as never), undefined, key);
  }
});

test("answers that came as flags are told by their flags, all that will not do at once", () => {
  const answers: Answers = {
    ...{ project: "shop", deployTo: "data/web", hosts: ["local"], preset: "restart", command: "bin/shop" },
    health: "127.0.0.1:8080",
  };
  const problems = flagProblems(undefined, answers);
  assert.deepEqual(
    problems.map((problem) => problem.split(":")[0]),
    ["--deploy-to", "--health"],
  );
  assert.match(problems[0] ?? "", /absolute/);
  assert.deepEqual(flagProblems(undefined, { ...answers, deployTo: "/data/web", health: undefined }), []);
});
