/** The list of a large build's files reaches its host while the build is still being read. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { AgentFailureReason } from "../../../agent/wire/failure.ts";
import type { ManifestEntry } from "../../../agent/wire/release.ts";
import { projectPlan } from "../../../cli/core/plan.ts";
import { ZdrError } from "../../../cli/failure.ts";
import { scanBuild } from "../../../cli/io/build/build.ts";
import { readConfigFile } from "../../../cli/io/config-file.ts";
import { agentPathOn, readAgentBundle } from "../../../cli/io/session/agent-bundle.ts";
import { openSession } from "../../../cli/io/session/agent-client.ts";
import type { AgentSession } from "../../../cli/io/session/agent-session.ts";
import { connectLocal } from "../../../cli/io/session/local.ts";
import { type Rig, startRig } from "../../support/rig.ts";

const DIST = process.env.ZDR_DIST ?? fileURLToPath(new URL("../../../dist", import.meta.url));
const BY = { user: "test", host: "here" };
const MANY = 1_500;

describe("a build of many files", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let build: string;

  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
    await rig.addSample("node-plain", { start_seconds: 1, watch: 0 });
    build = await rig.useSample("node-plain", { release: "v1" });
    await writeMany("one");
    const { code, stderr } = await rig.zdr(["setup"]);
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });

  async function writeMany(text: string): Promise<void> {
    await mkdir(join(build, "many"), { recursive: true });
    for (let at = 0; at < MANY; at++) await writeFile(join(build, "many", `${at}.txt`), `${text} ${at}`);
  }

  test("is deployed with its list told ahead, and its release is whole", async () => {
    // What the agent reads, as a copy: it is started as always, behind a pipe.
    const heard = join(rig.dir, "heard");
    const node = join(rig.dir, "node");
    await writeFile(node, `#!/bin/sh\ntee ${heard} | exec ${process.execPath} "$@"\n`);
    await chmod(node, 0o755);
    await rig.configure({ node });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.equal(code, 0, stderr);
    const told = requests(await readFile(heard, "latin1"));
    assert.deepEqual(
      told
        .map(({ verb }) => verb)
        .filter((verb) => !["beat", "agent"].includes(verb))
        .filter((verb, at, all) => verb !== all[at - 1]),
      ["entries", "digest", "stage", "upload", "data", "preflight", "activate", "settle"],
    );
    const stage = told.find(({ verb }) => verb === "stage");
    assert.deepEqual([stage?.manifest?.entries, stage?.announced], [[], true]);
    await rig.configure({ node: process.execPath });
    const verified = await rig.zdr(["verify", "v1"]);
    assert.equal(verified.code, 0, verified.stderr);
    for (const at of [0, MANY - 1]) {
      assert.equal(await readFile(join(rig.deployTo, "releases/v1/many", `${at}.txt`), "utf8"), `one ${at}`);
    }
  });

  test("is looked for on the host meanwhile, and what has changed there since is asked for", async () => {
    const { entries, digest } = await scanBuild(build, { modes: "normalize" });
    const indexOf = (path: string) => entries.findIndex((entry) => entry.path === path);
    await withSession([entries], async (session) => {
      const kept = join(rig.deployTo, "releases/v1/many");
      await writeFile(join(kept, "0.txt"), "two 0");
      await rm(join(kept, "1.txt"));
      const stage = { manifest: { tag: "v2", digest, entries: [] }, dryRun: false, announced: true as const };
      const { missing, missingBytes, copiedBytes } = await session.request("stage", stage);
      const asked = [indexOf("many/0.txt"), indexOf("many/1.txt")];
      assert.deepEqual([missing, missingBytes], [asked, "one 0one 1".length]);
      assert.ok(copiedBytes > MANY);
    });
  });

  test("has the manifest that the lines said, and no other: what does not fit its digest is refused", async () => {
    await writeMany("two");
    const { entries, digest } = await scanBuild(build, { modes: "normalize" });
    const half = Math.floor(entries.length / 2);
    const missing = await withSession([entries.slice(0, half), entries.slice(half)], async (session) => {
      const stage = { manifest: { tag: "v2", digest, entries: [] }, dryRun: true, announced: true as const };
      const first = await session.request("stage", stage);
      // What was told is used up.
      await assert.rejects(session.request("stage", stage), isBadRequest);
      return first.missing.length;
    });
    assert.equal(missing, MANY);
    await withSession([entries.slice(0, half)], async (session) => {
      const stage = { manifest: { tag: "v2", digest, entries: [] }, dryRun: true, announced: true as const };
      await assert.rejects(session.request("stage", stage), isBadRequest);
    });
  });

  test("does not keep the host from answering a request that it does not know", async () => {
    const { entries } = await scanBuild(build, { modes: "normalize" });
    await withSession([entries], async (session) => {
      const answer = session.request("fly" as "unlock", {});
      await assert.rejects(Promise.race([answer, sleep(20_000, "none in time", { ref: false })]), isUnsupported);
    });
  });

  async function withSession<T>(
    lines: readonly (readonly ManifestEntry[])[],
    work: (session: AgentSession) => Promise<T>,
  ): Promise<T> {
    const project = projectPlan(readConfigFile({ cwd: dirname(rig.configPath), env: {}, needsBuild: true }));
    const agent = readAgentBundle(DIST);
    const early = {
      verb: "survey",
      body: { project, lock: { by: BY, why: "test" }, release: { tag: "v2" } },
      follow: (write: (line: object) => void) => {
        for (const entries of lines) write({ verb: "entries", entries });
      },
    } as const;
    const agentPath = agentPathOn(rig.deployTo, agent.sha256);
    const options = { host: "local", node: process.execPath, agent, agentPath, early };
    const session = await openSession(connectLocal(), options);
    try {
      await session.request("survey", { project });
      return await work(session);
    } finally {
      await session.close();
    }
  }
});

interface Told {
  readonly verb: string;
  readonly announced?: boolean;
  readonly manifest?: { readonly entries: readonly unknown[] };
}

function requests(heard: string): Told[] {
  return heard
    .split("\n")
    .filter((line) => line.startsWith('{"verb":"'))
    .map((line) => JSON.parse(line));
}

function isBadRequest(error: unknown): boolean {
  return isRefusal(error, "bad-request");
}

function isUnsupported(error: unknown): boolean {
  return isRefusal(error, "unsupported");
}

function isRefusal(error: unknown, reason: AgentFailureReason): boolean {
  return error instanceof ZdrError && error.failure.kind === "agent" && error.failure.failure.reason === reason;
}
