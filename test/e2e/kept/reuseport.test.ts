/**
 * A Go server on SO_REUSEPORT under the keeper, in a network of its own in which the kernel moves waiting connections to
 * the successor. Elsewhere it resets them, which `zdr deploy` warns of.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testKept } from "../../support/load/kept-contract.ts";
import { run } from "../../support/processes.ts";
import { startRig } from "../../support/rig.ts";

const NETWORK = "ZDR_TEST_NETWORK";
const TIMEOUT_MS = 120_000;
const PREPARE = 'ip link set lo up && echo "$0" >/proc/sys/net/ipv4/tcp_migrate_req && exec "$@"';

const network = process.env[NETWORK];
if (network === "1") testKept({ sample: "go-reuseport", asks: "shop: signal USR2", crash: "keeps" });
else if (network === "0") testWarning();
else {
  test("in a network with tcp_migrate_req=1, the story of every kept program", () =>
    testIn("1", /not one request fails/));
  test("in one without, the warning", () => testIn("0", /a deploy says so/));
}

/** Runs this file in a network of its own. */
async function testIn(migrate: "0" | "1", expected: RegExp): Promise<void> {
  const command = ["unshare", "--net", "sh", "-c", PREPARE, migrate, process.execPath] as const;
  const { code, stdout, stderr } = await run([...command, fileURLToPath(import.meta.url)], {
    env: { [NETWORK]: migrate, NODE_TEST_CONTEXT: undefined },
    timeoutMs: TIMEOUT_MS,
  });
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, expected);
}

function testWarning(): void {
  test("where the kernel resets waiting connections, a deploy says so", async (t) => {
    const rig = await startRig(t);
    await rig.addSample("go-reuseport", { watch: 0, start_seconds: 1 });
    await rig.useSample("go-reuseport", { release: "v1" });
    await rig.zdr(["setup"]);
    const { stdout, stderr } = await rig.zdr(["deploy", "--tag", "v1", "--dry-run"]);
    assert.match(`${stdout}${stderr}`, /tcp_migrate_req/);
  });
}
