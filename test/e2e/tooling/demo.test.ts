import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { newMark, run } from "../../support/processes.ts";

const DEMO = fileURLToPath(new URL("../../../scripts/demo.ts", import.meta.url));

test("the demo shows a first deploy, a deploy and a revert and a rollback under load, and leaves nothing behind", async () => {
  const mark = newMark();
  const { code, stdout, stderr } = await run([process.execPath, DEMO], { env: mark.env, timeoutMs: 180_000 });
  assert.equal(code, 0, `${stdout}\n${stderr}`);

  const loads = [...stdout.matchAll(/^load: (\d+) requests, (\d+) failed, answered (.*)$/gm)];
  assert.equal(loads.length, 3);
  for (const [line, sent, failed] of loads) {
    assert.ok(Number(sent) >= 200, line);
    assert.equal(failed, "0", line);
  }
  assert.deepEqual(
    [...stdout.matchAll(/^GET \/version: (.*)$/gm)].map(([, release]) => release),
    ["v1", "v2", "v2", "v1"],
  );

  const dir = /^A host in (\S+):/m.exec(stdout)?.[1] ?? "";
  assert.equal(join(dir, ".."), tmpdir());
  assert.ok(!(await readdir(tmpdir())).includes(dir.slice(tmpdir().length + 1)), `${dir} is still there`);
  assert.deepEqual(await mark.pids(), []);
});
