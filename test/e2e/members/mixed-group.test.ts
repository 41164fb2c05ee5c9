/** A group of supervisor's in which another program stands beside one with members: nothing is done that the other one would notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type Cleanup, type Rig, startRig } from "../../support/rig.ts";

const WORKER = "[program:worker]\ncommand=/bin/sleep 100000\n[group:shop]\nprograms=shop,worker\n";
const OTHER = "supervisor's group shop, too, with another command";

/** After `zdr setup`, with nothing deployed. */
async function startMembers(cleanup: Cleanup): Promise<Rig> {
  const rig = await startRig(cleanup);
  const own = { ...{ listen: undefined, reload: "rolling", members: 2 }, ...{ watch: 0, start_seconds: 1 } };
  await rig.addSample("go-members", own);
  await rig.useSample("go-members", { release: "v1" });
  await rig.zdr(["setup"]);
  return rig;
}

test("a program whose group holds another one's process is refused by name, and the other one is left alone", async (t) => {
  const rig = await startMembers(t);
  const first = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(first.code, 0, first.stderr);
  await rig.supervisord.addProgram("worker", WORKER);
  await rig.supervisord.ctl(["update"]);
  const pids = async () => (await rig.supervisord.ctl(["pid", "shop:shop_00", "shop:shop_01", "shop:worker"])).stdout;
  const before = await pids();
  assert.match(before, /^\d+\n\d+\n\d+\n$/);
  for (const args of [["stop"], ["restart"], ["stop", "shop:worker"], ["deploy", "--tag", "v2"], ["setup"]]) {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 5, `zdr ${args.join(" ")}\n${stdout}${stderr}`);
    assert.ok(`${stdout}${stderr}`.includes(`shop:worker is in ${OTHER}`), `zdr ${args.join(" ")}\n${stdout}${stderr}`);
  }
  assert.equal(await pids(), before);
  // Taken out, and not yet as supervisord has it: zdr has it read its files, and only an update moves the process.
  await rig.supervisord.addProgram("worker", WORKER.replace(",worker", ""));
  const { code, stderr } = await rig.zdr(["stop"]);
  assert.equal(code, 5, stderr);
  assert.match(stderr, /shop:worker is in supervisor's group shop.*\n.*update shop/s);
  assert.equal(await pids(), before);
});

test("setup, which stops members that have no release yet, stops nothing else of their group", async (t) => {
  const rig = await startMembers(t);
  await rig.supervisord.ctl(["remove", "shop"]);
  await rig.supervisord.addProgram("worker", WORKER);
  const { stdout } = await rig.zdr(["setup"]);
  assert.match(stdout, /added shop to supervisor/);
  const states = async () =>
    (await rig.supervisord.ctl(["status"])).stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/).slice(0, 2).join(" "));
  // supervisord calls it RUNNING a second after its start.
  const isSettled = async () => !(await states()).includes("shop:worker STARTING");
  await eventually(isSettled, { name: "the worker is up or down" });
  assert.deepEqual(await states(), ["shop:shop_00 STOPPED", "shop:shop_01 STOPPED", "shop:worker RUNNING"]);
});
