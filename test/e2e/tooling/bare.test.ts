/** The first thing that anybody types. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../../support/processes.ts";

const DIST = process.env.ZDR_DIST ?? fileURLToPath(new URL("../../../dist", import.meta.url));

test("zdr alone prints its help, and exits with 2", async () => {
  const { code, stdout, stderr } = await run([process.execPath, join(DIST, "zdr.cjs")]);
  assert.equal(code, 2, stderr);
  assert.match(stdout, /^Usage: zdr .*Start with: zdr init/s);
});
