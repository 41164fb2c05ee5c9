/** What is set aside for the ledger has to be there when it is given up. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { layoutOf } from "../../../agent/core/layout.ts";
import { reserveLedgerSpace } from "../../../agent/io/ledger-file.ts";

test("the room that is set aside for a verdict is room also where the file system compresses", async (t) => {
  const deployTo = await mkdtemp(join(tmpdir(), "zdr-reserve-"));
  t.after(() => rm(deployTo, { recursive: true, force: true }));
  const layout = layoutOf(deployTo);
  await mkdir(layout.zdr);
  reserveLedgerSpace(layout);
  const reserve = await readFile(layout.reserve);
  assert.ok(reserve.length >= 64 * 1024);
  assert.ok(gzipSync(reserve).length >= reserve.length, `${gzipSync(reserve).length} of ${reserve.length} bytes`);
});
