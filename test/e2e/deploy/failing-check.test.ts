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

test("a check that fails is what is told, also where the ledger can not be told that the release is bad", async (t) => {
  const rig = await startRig(t);
  // Whoever runs it may write nothing to a file any more: for the ledger as a disk that is full.
  const check = [
    "/bin/sh",
    "-c",
    "test $(cat VERSION) = v1 && exit 0; prlimit --pid $PPID --fsize=0; echo no database; exit 1",
  ];
  await rig.addSample("gunicorn", { watch: 0, check });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const deploy = async (tag: string) => {
    const path = await rig.useSample("gunicorn", { release: tag });
    await writeFile(join(path, "VERSION"), tag);
    return rig.zdr(["deploy", "--tag", tag]);
  };
  const first = await deploy("v1");
  assert.equal(first.code, 0, first.stderr);
  const failed = await deploy("v2");
  assertTold(failed, { exit: 5, error: /exit 1: no database/, hint: /./, state: /still serves v1/ });
  assert.match(failed.stderr, /warning: .*the ledger could not be told that v2 is bad \(.*EFBIG/);
});
