/** What a CI system is given to read: GitHub's annotations, groups and summary, GitLab's sections, and JUnit for the rest. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { HistoryEntry } from "../../../agent/wire/history.ts";
import { runOk } from "../../support/processes.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { resultOf } from "../../support/wrong-world.ts";

const XSD = fileURLToPath(new URL("../../fixtures/ci/junit.xsd", import.meta.url));

describe("a deploy in CI", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let summary: string;
  let junit: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 }, { timeout: "3s" });
    summary = join(rig.dir, "summary.md");
    junit = join(rig.dir, "junit.xml");
    assert.equal((await rig.zdr(["setup"])).code, 0);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const github = (tag: string) => ({
    ...{ CI: "true", GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: rig.dir, GITHUB_STEP_SUMMARY: summary },
    ...{ GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: tag, GITHUB_ACTOR: "ann", GITHUB_RUN_ID: "42" },
    ...{ GITHUB_SERVER_URL: "https://github.example", GITHUB_REPOSITORY: "o/shop" },
  });
  const lineOf = async (text: string) => {
    const lines = (await readFile(rig.configPath, "utf8")).split("\n");
    return lines.findIndex((line) => line.includes(text)) + 1;
  };
  const deploy = async (
    env: Readonly<Record<string, string>>,
    release: string,
    variant: "good" | "unhealthy" = "good",
  ) => {
    await rm(summary, { force: true });
    await rig.useSample("gunicorn", { release, variant });
    return rig.zdr(["deploy", "--junit", junit], { env });
  };

  test("takes its tag from the job on GitHub, folds its phases, and writes the result into the summary", async () => {
    const { code, stdout, stderr } = await deploy(github("v1"), "v1");
    assert.equal(code, 0, stderr);
    assert.deepEqual(foldsOf(stderr), ["survey", "stage", "preflight", "activate", "settle"]);
    assert.match(stdout, /^host +program/, "stdout carries the result alone");
    assert.match(
      await readFile(summary, "utf8"),
      /^### zdr deploy: v1: done\n\n\| host \| program \|.*\n\| --- \|.*\n\| local \| shop \| start \|/,
    );
    await validate(junit);
    assert.match(await readFile(junit, "utf8"), /<testsuite name="local" tests="5" failures="0"/);
  });

  test("is written down with who started the job, and with its page", async () => {
    const { hosts } = resultOf<{ hosts: { history: HistoryEntry[] }[] }>(await rig.zdr(["history", "--json"]));
    const by = hosts[0]?.history[0]?.by;
    assert.equal(by?.user, "ann");
    assert.equal(by?.run, "https://github.example/o/shop/actions/runs/42");
  });

  test("that fails on a host stands beside the program's line of deploy.yml", async () => {
    const { code, stderr } = await deploy(github("v2"), "v2", "unhealthy");
    assert.equal(code, 7, stderr);
    const place = `file=project/deploy.yml,line=${await lineOf('"shop":')},col=5`;
    assert.match(stderr, new RegExp(`^::error ${place},title=zdr::local: .*healthy`, "m"));
    assert.match(stderr, /^zdr: state: local serves v1 again/m);
    assert.match(
      await readFile(summary, "utf8"),
      /failed \(exit 7\)[\s\S]*\*\*error:\*\* local: [\s\S]*\*\*state:\*\* local serves v1 again/,
    );
    await validate(junit);
    assert.match(await readFile(junit, "utf8"), /name="activate" time="[\d.]+">\s*<failure message="local: /);
  });

  test("that deploy.yml is wrong for stands beside the wrong line", async () => {
    const whole = await readFile(rig.configPath, "utf8");
    try {
      await writeFile(rig.configPath, whole.replace('"programs"', '"keeep": 3,\n  "programs"'));
      const { code, stderr } = await deployAsIs(github("v3"));
      assert.equal(code, 2, stderr);
      const place = `file=project/deploy.yml,line=${await lineOf('"keeep"')},col=3`;
      assert.match(stderr, new RegExp(`^::error ${place},title=zdr::deploy.yml.*keeep.*did you mean "keep"`, "m"));
      await validate(junit);
    } finally {
      await writeFile(rig.configPath, whole);
    }
  });

  test("on GitLab takes its tag from the job, and folds its phases into sections", async () => {
    const env = { CI: "true", GITLAB_CI: "true", CI_COMMIT_TAG: "v4", GITLAB_USER_LOGIN: "bob" };
    const { code, stdout, stderr } = await deploy(env, "v4");
    assert.equal(code, 0, stderr);
    const sections = [
      ...stderr.matchAll(/^\x1b\[0Ksection_(start|end):\d+:(zdr_\w+)(\[collapsed=true\])?\r\x1b\[0K(.*)$/gm),
    ];
    assert.deepEqual(
      sections.map(([, what, name, collapsed = "", title]) => [what, name, collapsed, title]),
      ["survey", "stage", "preflight", "activate", "settle"].flatMap((phase, index) => {
        const name = `zdr_${phase}_${index + 1}`;
        return [
          ["start", name, phase === "activate" ? "" : "[collapsed=true]", phase],
          ["end", name, "", ""],
        ];
      }),
    );
    assert.match(stdout, /v1 -> v4/);
  });

  test("for no tag is refused before anything is built or asked", async () => {
    const { code, stderr } = await rig.zdr(["deploy"], { env: { CI: "true", GITLAB_CI: "true" } });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /no tag is given, nor in GITHUB_REF_NAME, CI_COMMIT_TAG/);
  });

  test("whose report can not be written is warned of, and done", async () => {
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v4", "--junit", "not/there.xml"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /zdr: warning: not\/there.xml could not be written: ENOENT/);
  });

  const deployAsIs = (env: Readonly<Record<string, string>>) => rig.zdr(["deploy", "--junit", junit], { env });
});

/** The titles of the groups, each of which ends before the next one begins. */
function foldsOf(stderr: string): string[] {
  const titles: string[] = [];
  let isOpen = false;
  for (const line of stderr.split("\n")) {
    if (line.startsWith("::group::")) {
      assert.ok(!isOpen, stderr);
      titles.push(line.slice("::group::".length));
    }
    if (line.startsWith("::group::") || line === "::endgroup::") isOpen = !isOpen;
  }
  assert.ok(!isOpen, stderr);
  return titles;
}

async function validate(report: string): Promise<void> {
  await runOk(["xmllint", "--noout", "--schema", XSD, report]);
}
