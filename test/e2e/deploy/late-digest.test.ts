/** A host looks at itself while the build is still being read: it is told afterwards what the build came to. */
import assert from "node:assert/strict";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Survey } from "../../../agent/protocol.ts";
import { projectPlan } from "../../../cli/core/plan.ts";
import { readConfigFile } from "../../../cli/io/config-file.ts";
import { agentPathOn, readAgentBundle } from "../../../cli/io/session/agent-bundle.ts";
import { openSession } from "../../../cli/io/session/agent-client.ts";
import { connectLocal } from "../../../cli/io/session/local.ts";
import { type Rig, startRig } from "../../support/rig.ts";

const DIST = process.env.ZDR_DIST ?? fileURLToPath(new URL("../../../dist", import.meta.url));
const BY = { user: "test", host: "here" };
const NEVER = new Promise<never>(() => {});

describe("a host that is looked at while the build is read", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let digest: string;

  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
    await rig.addSample("node-plain", { start_seconds: 1, watch: 0 });
    await rig.useSample("node-plain", { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    digest = JSON.parse(await readFile(join(rig.deployTo, ".zdr/manifests/v1.json"), "utf8")).digest;
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });

  /** What the agent answers to a survey that names no digest, when `rest` follows. */
  async function survey(tag: string, rest: Promise<string>): Promise<Survey> {
    const project = projectPlan(readConfigFile({ cwd: dirname(rig.configPath), env: {}, needsBuild: true }));
    const agent = readAgentBundle(DIST);
    const early = {
      verb: "survey",
      body: { project, lock: { by: BY, why: "test" }, release: { tag } },
      follow: (write: (line: object) => void) => {
        void rest.then((digest) => write({ verb: "digest", digest }));
      },
    } as const;
    const options = {
      host: "local",
      node: process.execPath,
      agent,
      agentPath: agentPathOn(rig.deployTo, agent.sha256),
    };
    const session = await openSession(connectLocal(), { ...options, early });
    try {
      return await session.request("survey", { project });
    } finally {
      await session.close();
    }
  }

  test("finds that the release serves already when it is told the same digest", async () => {
    const { unchanged } = await survey("v1", Promise.resolve(digest));
    assert.equal(unchanged?.report.outcome, "unchanged");
  });

  test("goes on as with any other build when it is told another one", async () => {
    assert.equal((await survey("v1", Promise.resolve("0".repeat(64)))).unchanged, undefined);
  });

  test("does not wait for the digest of a release that does not serve", async () => {
    const { current, unchanged } = await survey("v2", NEVER);
    assert.deepEqual({ current, unchanged }, { current: "v1", unchanged: undefined });
  });

  test("gives its lock up when the build turns out to be of no use", async () => {
    const build = join(rig.dir, "bad");
    await mkdir(build);
    await symlink("/etc", join(build, "escape"));
    await rig.configure({ build: { path: build } });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /leads out of the build/);
    const { unchanged } = await survey("v1", Promise.resolve(digest));
    assert.equal(unchanged?.report.outcome, "unchanged");
  });
});
