/** A release's own check that fails for what is not the release's fault: a database that is away. */
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startRig } from "../../support/rig.ts";
import { assertTold, releasesOf } from "../../support/wrong-world.ts";

test("a check that fails takes nothing from a release that was proved: the next rollback goes to it all the same", async (t) => {
  const rig = await startRig(t);
  const database = join(rig.dir, "database");
  await writeFile(database, "");
  await rig.addSample("gunicorn", { watch: 0, check: `/usr/bin/test -e ${database}` });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  for (const tag of ["v1", "v2"]) {
    await rig.useSample("gunicorn", { release: tag });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", tag]);
    assert.equal(code, 0, stderr);
  }
  const verdicts = async () => (await releasesOf(rig)).map(({ tag, verdict }) => `${tag} ${verdict}`).sort();
  await rm(database);
  assertTold(await rig.zdr(["rollback"]), { exit: 5, error: /check/, hint: /./, state: /was not touched/ });
  assert.deepEqual(await verdicts(), ["v1 good", "v2 good"]);

  await rig.useSample("gunicorn", { release: "v3" });
  assert.equal((await rig.zdr(["deploy", "--tag", "v3"])).code, 5);
  assert.ok((await verdicts()).includes("v3 bad"), "of what was never proved it says something");

  await writeFile(database, "");
  const { code, stderr } = await rig.zdr(["rollback"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await verdicts()).slice(0, 2), ["v1 good", "v2 withdrawn"]);
});
