/** overseer's master can start two successors in one reload, and forget one of them. The next deploy must not run into that. */
import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { textAt } from "../../support/load/ask.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { startRig } from "../../support/rig.ts";

test("a program with two successors is not reloaded, and the next deploy after a stop starts it as if nothing had been", async (t) => {
  const rig = await startRig(t);
  const { url } = await rig.addSample("go-overseer", { watch: 0, start_seconds: 1 });
  const version = () => textAt(`${url}/version`);
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return { stdout, stderr };
  };
  await rig.useSample("go-overseer", { release: "v1", variant: "twins" });
  await ok("setup");
  await ok("deploy", "--tag", "v1");

  await rig.useSample("go-overseer", { release: "v2" });
  for (const args of [["deploy", "--tag", "v2"], ["reload"]]) {
    const { code, stderr } = await rig.zdr(args);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /two processes that answer/);
    assert.match(stderr, /zdr restart shop/);
  }
  assert.deepEqual([await version(), await readlink(join(rig.deployTo, "current"))], ["v1", "releases/v1"]);

  await ok("stop");
  const { stdout, stderr } = await ok("deploy", "--tag", "v2", "--json");
  assert.deepEqual([reportIn(stdout, stderr).action, await version()], ["start", "v2"]);
  await rig.useSample("go-overseer", { release: "v3" });
  const reloaded = await ok("deploy", "--tag", "v3", "--json");
  assert.deepEqual([reportIn(reloaded.stdout, reloaded.stderr).action, await version()], ["reload", "v3"]);
});
