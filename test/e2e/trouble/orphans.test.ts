/** What a supervisord leaves that is killed: its programs live on, and the next one starts them a second time. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startRig } from "../../support/rig.ts";
import { startSupervisord } from "../../support/supervisord.ts";
import { answerOf, assertTold, stateOfProgram } from "../../support/wrong-world.ts";

test("an orphan of a killed supervisord that holds the port is found, named, and not signalled; once it is gone a deploy works", async (t) => {
  const rig = await startRig(t);
  const { url } = await rig.addSample("go-plain", { watch: 0, start_seconds: 1 });
  await rig.useSample("go-plain", { release: "v1" });
  for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
    const { code, stderr } = await rig.zdr(args);
    assert.equal(code, 0, stderr);
  }
  const orphan = Number((await rig.supervisord.ctl(["pid", "shop"])).stdout);
  process.kill(rig.supervisord.pid, "SIGKILL");
  const again = await startSupervisord({ dir: dirname(rig.supervisord.configPath) });
  t.after(() => again.stop());
  await eventually(async () => ["FATAL", "BACKOFF"].includes((await stateOfProgram(rig)) ?? ""), {
    name: "the second copy finds the port taken",
    timeoutMs: 30_000,
  });

  await rig.useSample("go-plain", { release: "v2" });
  const named = new RegExp(
    `pid ${orphan} listens on \\S+ and runs v1, and no supervisord holds it: one that was killed has left it`,
  );
  const status = await rig.zdr(["status", "--releases"]);
  assert.match(status.stderr, named);
  assert.doesNotMatch((await rig.zdr(["status"])).stderr, /orphan|supervisord holds/);
  const refused = await rig.zdr(["deploy", "--tag", "v2"]);
  assertTold(refused, {
    exit: 5,
    error: named,
    state: /not touched/,
    hint: new RegExp(`kill ${orphan}; then zdr restart shop$`, "m"),
  });
  assert.equal(await answerOf(url), "200 v1", "it serves as before");

  process.kill(orphan, "SIGTERM");
  await eventually(async () => (await answerOf(url)) === undefined, { name: "the orphan is gone" });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
  assert.equal(code, 0, stderr);
  assert.equal(await answerOf(url), "200 v2");
});
