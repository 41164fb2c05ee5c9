import assert from "node:assert/strict";
import { mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeReleaseRig, type ReleaseRig, roomyFolder } from "../../support/fixtures/releases.ts";
import { runOk } from "../../support/processes.ts";

const DRIVER = fileURLToPath(new URL("../../support/drivers/transfer-driver.ts", import.meta.url));
const MIB = 1024 * 1024;
const LARGE_BYTES = 2048 * MIB;
/** What the garbage collector may be late by; a hundredth of what would be held if anything were. */
const SLACK_MIB = 20;

interface Peaks {
  readonly send: number;
  readonly receive: number;
}

/** Peak memory of both ends, in MiB, for a build of one file and some small ones. */
async function peaksOf(rig: ReleaseRig, bytes: number): Promise<Peaks> {
  const build = join(rig.folder, "build");
  mkdirSync(build);
  for (let i = 0; i < 50; i++) writeFileSync(join(build, `small-${i}`), `file ${i}`);
  writeFileSync(join(build, "large"), "");
  // Holes read as zeros and cost nothing here; what arrives is written out.
  truncateSync(join(build, "large"), bytes);
  const pipeline =
    'set -o pipefail; "$NODE" "$DRIVER" send build manifest 2>send | "$NODE" "$DRIVER" receive deploy manifest 2>receive; code=$?; cat send receive; exit $code';
  const out = await runOk(["bash", "-c", pipeline], { cwd: rig.folder, env: { NODE: process.execPath, DRIVER } });
  assert.equal(statSync(join(rig.layout.release("v1"), "large")).size, bytes);
  const [send = 0, receive = 0] = out
    .trim()
    .split("\n")
    .map((line) => Number(line) / 1024);
  return { send, receive };
}

test("memory stays flat: a 2 GB build needs no more than a 20 MB one, on both ends", async () => {
  const under = await roomyFolder(LARGE_BYTES * 1.5);
  const measured: Peaks[] = [];
  for (const bytes of [20 * MIB, LARGE_BYTES]) {
    const rig = makeReleaseRig(under);
    try {
      measured.push(await peaksOf(rig, bytes));
    } finally {
      rig.remove();
    }
  }
  const [small, large] = measured;
  assert.ok(small && large && small.send > 10 && small.receive > 10);
  const told = JSON.stringify(measured);
  assert.ok(large.send < small.send + SLACK_MIB, told);
  assert.ok(large.receive < small.receive + SLACK_MIB, told);
});
