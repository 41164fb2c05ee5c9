import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { newMark } from "../../support/processes.ts";
import { type SupervisordOptions, startSupervisord } from "../../support/supervisord.ts";

async function start(t: TestContext, options: Omit<SupervisordOptions, "dir">) {
  const dir = await mkdtemp(join(tmpdir(), "zdr-"));
  t.after(() => rm(dir, { recursive: true }));
  const supervisord = await startSupervisord({ ...options, dir });
  t.after(supervisord.stop);
  return supervisord;
}

test("stopping the rig's supervisord ends what its programs started, also what left their process group", async (t) => {
  const mark = newMark();
  const { ctl, stop } = await start(t, {
    env: mark.env,
    programs: `[program:a]\ncommand=sh -c "setsid sleep 1000 & exec sleep 1000"\n[program:b]\ncommand=sleep 1000\n`,
  });
  await eventually(async () => (await mark.pids()).length === 4, { name: "supervisord and three sleeps run" });
  assert.match((await ctl(["pid"])).stdout, /^\d+\n$/);
  await stop();
  assert.deepEqual(await mark.pids(), []);
});

test("the rig's supervisord runs as the user that is asked for, behind a password that is asked for", async (t) => {
  const { ctl, socket } = await start(t, { user: "nobody", username: "zdr", password: "50% ;off" });
  assert.equal((await ctl(["status"])).code, 0);
  const stranger = await ctl(["-s", `unix://${socket}`, "-u", "zdr", "-p", "wrong", "status"]);
  assert.notEqual(stranger.code, 0);
});

test("a supervisord that can not start says why, and at once", async (t) => {
  await assert.rejects(start(t, { settings: "umask=nonsense" }), /nonsense can not be converted to an octal type/);
});
