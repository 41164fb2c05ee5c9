/** What is set aside for the ledger has to be there when it is given up. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { layoutOf } from "../../../agent/core/layout.ts";
import { reserveLedgerSpace } from "../../../agent/io/ledger-file.ts";
import { mountMemory } from "../../support/disk/volumes.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Cleanup, startRig } from "../../support/rig.ts";

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

/** What there has to be room for on the way back: what a kept program's keeper was told before, and a copy of a binary that was not noticed. */
for (const sample of ["go-listenfds", "go-overseer-watch"] as const) {
  test(`a full disk keeps no release of ${sample} from being put back`, async (t) => {
    const cleaning: (() => Promise<void>)[] = [];
    const cleanup: Cleanup = { after: (clean) => cleaning.push(clean) };
    t.after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });
    const rig = await startRig(cleanup);
    await mountMemory(cleanup, rig.deployTo, { megabytes: 64, inodes: 2000 });
    const { url, program } = await rig.addSample(sample, { watch: 0, start_seconds: 1 }, { timeout: "5s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await rig.useSample(sample, { release: "v1" });
    assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
    await rig.useSample(sample, { release: "v2" });
    if (sample === "go-listenfds")
      await rig.configure({ programs: { shop: { ...program, environment: { COLOUR: "blue" } } } });
    // As a release that fills the disk with what it logs.
    await rig.configure({ hooks: { after_activate: [{ shell: `cat /dev/zero >${rig.deployTo}/filler; exit 1` }] } });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
    assert.equal(code, 7, stderr);
    assert.equal(await textAt(`${url}/version`), "v1");
  });
}
