/** A supervisor section that says a secret to everybody on the host. */
import assert from "node:assert/strict";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startRig } from "../../support/rig.ts";

test("setup closes the file of a section with an environment; one that is open is warned of by the names in it", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("gunicorn", { watch: 0, start_seconds: 1, environment: { TOKEN: "s3cret" } });
  await rig.useSample("gunicorn", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const file = join(rig.supervisord.confDir, "rig.conf");
  assert.match(await readFile(file, "utf8"), /TOKEN="s3cret"/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const quiet = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(quiet.code, 0, quiet.stderr);
  assert.doesNotMatch(quiet.stderr, /TOKEN/);

  await chmod(file, 0o644);
  await rig.useSample("gunicorn", { release: "v2" });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning: .*shop: everybody on this host can read TOKEN in .*rig\.conf; fix: chmod o= /);
  assert.doesNotMatch(stderr, /s3cret/);
});
