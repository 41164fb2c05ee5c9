/**
 * Members that open a socket of their own each (SO_REUSEPORT), in a network of its own in which the kernel moves waiting
 * connections to the others. Elsewhere it resets them, which `zdr deploy` warns of.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testMembers } from "../../support/load/members-contract.ts";
import { runInNetwork } from "../../support/network.ts";
import { startRig } from "../../support/rig.ts";

const INNER = "ZDR_TEST_NETWORK";
const TIMEOUT_MS = 600_000;
/** Nobody opens it for them. */
const OWN = { listen: undefined };

if (process.env[INNER] === "true") {
  testMembers({ sample: "go-members", program: OWN, members: 2, running: 1 });
  testMembers({
    ...{ sample: "go-members", program: { ...OWN, reload: "rolling", members: 3 } },
    ...{ members: 3, running: 3 },
  });
  testMembers({ sample: "node-members", program: OWN, members: 2, running: 1 });
} else if (process.env[INNER] === "false") testWarning();
else {
  for (const migrates of [true, false]) {
    test(`in a network with net.ipv4.tcp_migrate_req=${migrates ? 1 : 0}`, async () => {
      const env = { [INNER]: String(migrates) };
      const inner = await runInNetwork(fileURLToPath(import.meta.url), { migrates, env, timeoutMs: TIMEOUT_MS });
      assert.equal(inner.code, 0, `${inner.stdout}${inner.stderr}`);
      assert.match(inner.stdout, migrates ? /not one request fails/ : /a deploy warns/);
    });
  }
}

function testWarning(): void {
  test("a deploy warns that connections will be reset", async (t) => {
    const rig = await startRig(t);
    await rig.addSample("go-members", { ...OWN, watch: 0, start_seconds: 1 });
    await rig.useSample("go-members", { release: "v1" });
    await rig.zdr(["setup"]);
    const { stdout, stderr } = await rig.zdr(["deploy", "--tag", "v1", "--dry-run"]);
    assert.match(`${stdout}${stderr}`, /tcp_migrate_req/);
  });
}
