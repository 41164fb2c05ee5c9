/** A first deploy that failed, and a program of it that does not let itself be stopped. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../support/load/free-port.ts";
import { startRig } from "../../support/rig.ts";
import { sampleProgram } from "../../support/samples.ts";

test("a program that can not be stopped keeps none of the others from being undone with a first deploy", async (t) => {
  const rig = await startRig(t);
  const program = async () => ({ ...sampleProgram("node-plain", await freePort()), start_seconds: 1, watch: 0 });
  await rig.configure({ programs: { first: await program(), second: await program() } });
  await rig.useSample("node-plain", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const ctl = `supervisorctl -c ${rig.supervisord.configPath}`;
  await rig.configure({
    hooks: {
      after_activate: [{ shell: "exit 1" }],
      // Supervisor knows it no more when it is to be stopped.
      before_revert: [{ shell: `${ctl} stop first && ${ctl} remove first` }],
    },
  });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(code, 8, stderr);
  assert.match(stderr, /supervisord knows no process first/);
  assert.match((await rig.supervisord.ctl(["status", "second"])).stdout, /STOPPED/);
  assert.ok(!existsSync(join(rig.deployTo, "current")));
});
