/** What a deploy that failed tells of why, and of what it cost. */
import assert from "node:assert/strict";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { reportIn } from "../../support/load/deploy-series.ts";
import { freePort } from "../../support/load/free-port.ts";
import { type ConfigParts, startRig } from "../../support/rig.ts";
import type { SampleName, Variant } from "../../support/samples.ts";
import { assertTold } from "../../support/wrong-world.ts";

const HASTE = { watch: 0, start_seconds: 1 };

test("of a program that listens elsewhere than its health check asks, it is said where", async (t) => {
  const rig = await startRig(t);
  const { port } = await rig.addSample("go-plain", { ...HASTE, reload: "restart" });
  const asked = await freePort();
  const health = { http: `http://127.0.0.1:${asked}/healthz`, timeout: "3s" };
  await rig.addSample("go-plain", { ...HASTE, reload: "restart", command: `bin/shop -addr 127.0.0.1:${port}` }, health);
  await rig.useSample("go-plain", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  assertTold(await rig.zdr(["deploy", "--tag", "v1"]), {
    exit: 7,
    error: new RegExp(
      `within 4 s, which is start_seconds 1 s .*REFUSED.*:${asked}\\); it listens on 127\\.0\\.0\\.1:${port}`,
    ),
    hint: /programs\.shop\.health\.http/,
  });
});

/** v1 serves, then a release that is no good is deployed. */
async function failOver(t: TestContext, sample: SampleName, variant: Variant, more: ConfigParts) {
  const rig = await startRig(t);
  await rig.addSample(sample, { ...HASTE, ...more }, { timeout: "3s" });
  await rig.useSample(sample, { release: "v1" });
  for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  }
  await rig.useSample(sample, { release: "v2", variant });
  const result = await rig.zdr(["deploy", "--tag", "v2", "--json"]);
  assert.equal(result.code, 7, result.stderr);
  return { rig, program: reportIn(result.stdout, result.stderr) };
}

test("the gap of a restart to a release that never got healthy lasts until the old one serves again", async (t) => {
  const { program } = await failOver(t, "go-plain", "unhealthy", { reload: "restart" });
  assert.deepEqual([program.tried, program.action], ["restart", "restart"]);
  // It was waited for as long as health.timeout says, and nobody served meanwhile.
  assert.ok((program.gapMs ?? 0) >= 3_000, JSON.stringify(program));
});

test("a restart to a release that crashes as it starts has a gap too, and is called a restart", async (t) => {
  const { rig, program } = await failOver(t, "go-plain", "crash", { reload: "restart" });
  assert.equal(program.tried, "restart");
  assert.ok((program.gapMs ?? 0) > (program.readyMs ?? 0), JSON.stringify(program));
  const { stdout } = await rig.zdr(["deploy", "--tag", "v3"]);
  assert.match(stdout, /restart, back by \w+ /);
});

test("a reload that was asked for is told also where the old process never went", async (t) => {
  const { rig, program } = await failOver(t, "go-grace", "crash", {});
  assert.deepEqual([program.tried, program.action, program.gapMs], ["reload", "none", undefined]);
  const { stdout } = await rig.zdr(["deploy", "--tag", "v3"]);
  assert.match(stdout, /reload, old one stayed /);
});

test("of a program that does not hear the signal it is said that it goes on as before, and where to look", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("go-plain", { ...HASTE, reload: { strategy: "signal", signal: "WINCH" } }, { timeout: "2s" });
  for (const release of ["v1", "v2"]) {
    await rig.useSample("go-plain", { release });
    if (release === "v1") assert.equal((await rig.zdr(["setup"])).code, 0);
    const result = await rig.zdr(["deploy", "--tag", release]);
    if (release === "v1") assert.equal(result.code, 0, result.stderr);
    else {
      assertTold(result, {
        ...{ exit: 7, error: /program "shop" \(pid \d+\) was told to take v2, and goes on as before \(v1\)/ },
        ...{ state: /local serves v1 again/, hint: /zdr logs shop; what takes none is restarted: reload: restart/ },
      });
    }
  }
});

test("what failed is not left for supervisor to start where the program was down before", async (t) => {
  const { rig } = await failOver(t, "go-overseer", "crash", {});
  const slot = join(rig.deployTo, "run/shop/shop");
  const inode = async (path: string) => (await stat(path)).ino;
  const fail = async (release: string) => {
    await rig.useSample("go-overseer", { release, variant: "crash" });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", release]);
    assert.equal(code, 7, stderr);
  };
  assert.equal((await rig.zdr(["stop"])).code, 0);
  await fail("v3");
  const old = join(rig.deployTo, "releases/v1/bin/shop");
  assert.equal(await inode(slot), await inode(old));
  // As if the program had come with the next release.
  await rm(old);
  await fail("v4");
  await assert.rejects(stat(slot), { code: "ENOENT" });
});
