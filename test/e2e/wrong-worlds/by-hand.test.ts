/** What somebody has done to deploy_to with their own hands, between two deploys. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink, realpath, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import type { SampleName, Variant } from "../../support/samples.ts";
import { assertTold } from "../../support/wrong-world.ts";

/** Its old process serves on when a new one crashes. */
const SAMPLE: SampleName = "go-grace";

async function ok(rig: Rig, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await rig.zdr(args);
  assert.equal(code, 0, `${stdout}${stderr}`);
}

async function deploy(rig: Rig, release: string, variant: Variant = "good") {
  await rig.useSample(SAMPLE, { release, variant });
  return rig.zdr(["deploy", "--tag", release]);
}

async function holderPid(rig: Rig): Promise<number> {
  const zdr = join(rig.deployTo, ".zdr");
  const name = (await readdir(zdr)).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
  return (JSON.parse(await readFile(join(zdr, name), "utf8")) as { pid: number }).pid;
}

test("where the only good release was removed, a bad one does not cost the process that still serves it", async (t) => {
  const rig = await startRig(t);
  const { url } = await rig.addSample(SAMPLE, { watch: 0 });
  const answer = () => textAt(`${url}/version`);
  await ok(rig, "setup");
  assert.equal((await deploy(rig, "v1")).code, 0);
  await rm(join(rig.deployTo, "releases/v1"), { recursive: true });
  const bad = await deploy(rig, "v2", "crash");
  assertTold(bad, { exit: 8, error: /crashed|not ready|did not/, hint: /zdr releases/ });
  assert.match(bad.stderr, /there is no release v1/);
  assert.equal(await answer(), "v1");
  assert.equal((await deploy(rig, "v3")).code, 0);
  assert.equal(await answer(), "v3");
});

test("nor does it where the agent is killed as well, and the next command ends what it had begun", async (t) => {
  const rig = await startRig(t);
  const { url } = await rig.addSample(SAMPLE, { watch: 0 }, { timeout: "3s" });
  const answer = () => textAt(`${url}/version`);
  const current = () => readlink(join(rig.deployTo, "current"));
  await ok(rig, "setup");
  assert.equal((await deploy(rig, "v1")).code, 0);
  await rm(join(rig.deployTo, "releases/v1"), { recursive: true });
  await rig.useSample(SAMPLE, { release: "v2", variant: "hang" });
  const cut = rig.startZdr(["deploy", "--tag", "v2"]);
  await eventually(async () => (await current()) === "releases/v2", { name: "the flip", timeoutMs: 60_000 });
  process.kill(await holderPid(rig), "SIGKILL");
  assert.equal((await cut.done).code, 8);
  const { stderr } = await rig.zdr(["reload"]);
  assert.match(
    stderr,
    /the activation of v2 had been interrupted; neither it nor what was there before could be proved/,
  );
  assert.equal(await answer(), "v1");
  assert.equal((await deploy(rig, "v3")).code, 0);
  assert.equal(await answer(), "v3");
});

test("current may name its release by the path that a link on the way to deploy_to leads to", async (t) => {
  const rig = await startRig(t);
  const real = `${rig.deployTo}-real`;
  await rename(rig.deployTo, real);
  await symlink(real, rig.deployTo);
  await rig.addSample(SAMPLE, { watch: 0 });
  await ok(rig, "setup");
  for (const release of ["v1", "v2"]) assert.equal((await deploy(rig, release)).code, 0);
  const current = join(rig.deployTo, "current");
  await rm(current);
  await symlink(join(await realpath(real), "releases/v2"), current);
  await ok(rig, "rollback");
  assert.equal(await readlink(current), "releases/v1");
});
