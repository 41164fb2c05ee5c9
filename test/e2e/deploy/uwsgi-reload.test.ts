/** uWSGI, the quickest story of it: a release is taken under load. The whole one: test/soak/products/. */
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { failuresOf } from "../../support/load/deploy-series.ts";
import { startLoad } from "../../support/load/load.ts";
import { ask, supervisedPid } from "../../support/load/supervised.ts";
import { type Rig, startRig } from "../../support/rig.ts";

describe("uWSGI", () => {
  let rig: Rig;
  let url = "";
  const cleaning: (() => Promise<void>)[] = [];

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    ({ url } = await rig.addSample("uwsgi", { watch: 0, start_seconds: 1 }));
    await rig.useSample("uwsgi", { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  test("executes itself anew with the new release, and no request fails", async () => {
    const pid = await supervisedPid(rig);
    await rig.useSample("uwsgi", { release: "v2" });
    const load = await startLoad({
      ...{ url: `${url}/version`, keepAliveConnections: 4 },
      ...{ freshPerSecond: 250, ratePerSecond: 250 },
    });
    const { code, stdout, stderr } = await rig
      .zdr(["deploy", "--tag", "v2"])
      .finally(() => load.reached(load.counts().sent + 50));
    const result = await load.stop();
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stderr, /shop: signal HUP/);
    assert.deepEqual(failuresOf(result), []);
    assert.deepEqual([(await ask(`${url}/version`)).release, await supervisedPid(rig)], ["v2", pid]);
  });

  test("is not asked to read a uwsgi.ini by which it could not be stopped any more", async () => {
    const build = join(rig.dir, "build");
    await cp(await rig.useSample("uwsgi", { release: "v3" }), build, { recursive: true });
    await rig.configure({ build: { path: build } });
    const file = join(build, "uwsgi.ini");
    await writeFile(file, (await readFile(file, "utf8")).replace(/^die-on-term.*$/m, ""));
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v3"]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /uwsgi\.ini makes a reload impossible \(without die-on-term = true/);
    assert.equal((await ask(`${url}/version`)).release, "v2");
  });
});
