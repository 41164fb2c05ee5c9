/** SO_REUSEPORT where the kernel does not move waiting connections to the successor. Where it does, its story is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNetwork } from "../../support/network.ts";
import { startRig } from "../../support/rig.ts";

const INNER = "ZDR_TEST_NETWORK";
const TIMEOUT_MS = 120_000;

if (process.env[INNER] !== undefined) {
  for (const migrates of [true, false]) {
    const says = migrates ? "says nothing of it" : "warns that connections will be reset";
    if (process.env[INNER] === String(migrates)) test(`a deploy ${says}`, (t) => testWarning(t, migrates));
  }
} else {
  for (const migrates of [true, false]) {
    const value = `net.ipv4.tcp_migrate_req=${migrates ? 1 : 0}`;
    test(`in a network with ${value}`, async () => {
      const env = { [INNER]: String(migrates) };
      const inner = await runInNetwork(fileURLToPath(import.meta.url), { migrates, env, timeoutMs: TIMEOUT_MS });
      assert.equal(inner.code, 0, `${inner.stdout}${inner.stderr}`);
      assert.match(inner.stdout, /a deploy (?:says|warns)/);
    });
  }
}

async function testWarning(t: Parameters<typeof startRig>[0], migrates: boolean): Promise<void> {
  const rig = await startRig(t);
  await rig.addSample("go-reuseport", { watch: 0, start_seconds: 1 });
  await rig.useSample("go-reuseport", { release: "v1" });
  await rig.zdr(["setup"]);
  for (const args of [["--dry-run"], []]) {
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "v1", ...args]);
    assert.equal(code, 0, stderr);
    if (migrates) assert.doesNotMatch(`${stdout}${stderr}`, /tcp_migrate_req/);
    else assert.match(`${stdout}${stderr}`, /warn(?:ing)?: .*tcp_migrate_req/);
  }
}
