/** What is special about a program that looks for its new binary by itself. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { layoutOf } from "../../../agent/core/layout.ts";
import { fillSlot, holdSlot } from "../../../agent/slot/slot.ts";
import { hostContext } from "../../support/fixtures/host-context.ts";
import { programPlan, projectPlan } from "../../support/fixtures/plans.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { ask } from "../../support/load/supervised.ts";
import { startRig } from "../../support/rig.ts";
import { buildSample } from "../../support/samples.ts";

test("a release with the same binary is taken too, by the signal, since there is nothing to notice", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("go-overseer-watch", { watch: 0, start_seconds: 1 });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const deploy = async (tag: string) => {
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", tag, "--json"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return { report: reportIn(stdout, stderr), stdout };
  };
  await rig.useSample("go-overseer-watch", { release: "v1" });
  await deploy("first");
  const noticed = await rig.useSample("go-overseer-watch", { release: "v2" });
  assert.match((await deploy("noticed")).stdout, /wait until it notices/);
  // By now the program runs a copy that overseer made.
  const build = join(rig.dir, "same-binary");
  await cp(noticed, build, { recursive: true });
  await writeFile(join(build, "page.html"), "new");
  await rig.configure({ build: { path: build } });
  const { report, stdout } = await deploy("same");
  assert.match(stdout, /signal USR2/);
  assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
  assert.match(report.evidence.join(), /executes same/);
});

test("the release that serves is told from overseer's own copy of its binary", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("go-overseer-watch", { watch: 0, start_seconds: 1 });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  for (const release of ["v1", "v2"]) {
    await rig.useSample("go-overseer-watch", { release });
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", release]);
    assert.equal(code, 0, `${stdout}${stderr}`);
  }
  const binary = (tag: string) => join(rig.deployTo, `releases/${tag}/bin/shop`);
  assert.match((await rig.zdr(["status", "--releases"])).stdout, /release v2$/m);
  assert.notEqual((await stat(join(rig.deployTo, "run/shop/shop"))).ino, (await stat(binary("v2"))).ino);
  const built = await buildSample("go-overseer-watch", { release: "v1" });
  assert.deepEqual(await readFile(binary("v1")), await readFile(join(built, "bin/shop")), "v1 was written over");
  const { stdout } = await rig.zdr(["deploy", "--tag", "v2"]);
  assert.match(stdout, / none /);
});

test("a release that the fetcher has overlooked is offered once more, and taken", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("go-overseer-watch", { watch: 0, start_seconds: 1 });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const deploy = async (release: string) => {
    await rig.useSample("go-overseer-watch", { release });
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", release, "--json"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return { report: reportIn(stdout, stderr), stdout };
  };
  for (const release of ["v2", "v1"]) await deploy(release);
  // Size and time of writing are all that it compares: with the same of both it can not see the other one.
  const sizes = new Set<number>();
  for (const release of ["v1", "v2"]) {
    const binary = join(rig.deployTo, `releases/${release}/bin/shop`);
    await utimes(binary, 1_000_000_000, 1_000_000_000);
    sizes.add((await stat(binary)).size);
  }
  assert.equal(sizes.size, 1);
  assert.equal((await rig.zdr(["restart"])).code, 0);
  const { report, stdout } = await deploy("v2");
  assert.match(stdout, /offer it once more/);
  assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
  assert.match(report.evidence.join(), /executes v2/);
});

test("of a program with no fetcher is told that it has not noticed the new binary, and it goes on serving", async (t) => {
  const rig = await startRig(t);
  const watching = { reload: "overseer-watch", watch: 0, start_seconds: 1 };
  const { url } = await rig.addSample("go-overseer", watching, { timeout: "1s" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  await rig.useSample("go-overseer", { release: "v1" });
  const first = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(first.code, 0, first.stderr);
  const pid = async () => /pid (\d+)/.exec((await rig.zdr(["status"])).stdout)?.[1];
  const before = await pid();
  await rig.useSample("go-overseer", { release: "v2" });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
  assert.equal(code, 7, stderr);
  assert.match(stderr, /not ready within 13 s .*the old process goes on, it has not noticed the new binary/);
  assert.equal((await ask(`${url}/version`)).release, "v1");
  assert.equal(await pid(), before);
});

test("a slot that a fetcher has written over with what it read before is filled again", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zdr-slot-"));
  t.after(() => rm(folder, { recursive: true }));
  const layout = layoutOf(folder);
  const program = programPlan("overseer-watch");
  const context = hostContext(projectPlan(folder, [program], { supervisor: { url: "unix:///no/such/socket" } }));
  for (const tag of ["v1", "v2"]) {
    await mkdir(`${layout.release(tag)}/bin`, { recursive: true });
    await writeFile(`${layout.release(tag)}/bin/shop`, tag);
  }
  const slot = layout.slot("shop", "shop");
  const inSlot = async () => ({ text: await readFile(slot, "utf8"), inode: (await stat(slot)).ino });
  fillSlot(context, program, "v1");
  const filled = await inSlot();
  await holdSlot(context, program, "v1");
  assert.deepEqual(await inSlot(), filled);

  await rm(slot);
  await cp(`${layout.release("v2")}/bin/shop`, slot);
  await holdSlot(context, program, "v1");
  assert.deepEqual(await inSlot(), filled);

  await rm(slot);
  await cp(`${layout.release("v1")}/bin/shop`, slot);
  const copied = await inSlot();
  await holdSlot(context, program, "v1");
  assert.deepEqual(await inSlot(), copied, "a copy is as good");
});
