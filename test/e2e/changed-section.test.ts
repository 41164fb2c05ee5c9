/** deploy.yml says something else of a program than supervisord runs: nothing is called proved before that is mended. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { textAt } from "../support/load/ask.ts";
import { type Rig, startRig } from "../support/rig.ts";

describe("a program whose section changes", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    ({ url } = await rig.addSample("gunicorn", { watch: 0 }));
    await rig.useSample("gunicorn", { release: "v1" });
    await rig.zdr(["setup"]);
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const version = () => textAt(`${url}/version`);
  const deployV2 = async () => {
    await rig.useSample("gunicorn", { release: "v2" });
    return rig.zdr(["deploy", "--tag", "v2"]);
  };

  test("and is changed back is as before: setup finds nothing that supervisord would have to adopt", async () => {
    const { programs } = JSON.parse(await readFile(rig.configPath, "utf8"));
    await rig.configure({ programs: { shop: { ...programs.shop, stop_seconds: 77 } } });
    assert.equal((await rig.zdr(["setup"])).code, 5);
    await rig.configure({ programs });
    const { code, stdout, stderr } = await rig.zdr(["setup"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.doesNotMatch((await rig.supervisord.ctl(["reread"])).stdout, /changed/);
    assert.equal(await version(), "v1");
  });

  test("is refused while deploy.yml and supervisor disagree, and goes on serving", async () => {
    const port = new URL(url).port;
    await rig.addSample("gunicorn", { watch: 0, environment: { COLOR: "blue" } });
    const moved = await deployV2();
    assert.equal(moved.code, 5, moved.stderr);
    assert.match(moved.stderr, /supervisor's section differs/);
    assert.equal(await textAt(`http://127.0.0.1:${port}/version`), "v1");
  });

  test("setup writes the section anew, says that supervisord must adopt it, and stops nothing", async () => {
    const { code, stdout } = await rig.zdr(["setup"]);
    assert.equal(code, 5);
    assert.match(stdout, /still runs the one before; fix: supervisorctl -c \/\S+\.conf update shop/);
    assert.equal(await version(), "v1");
  });

  test("is refused until supervisord has adopted the section, because what runs is not what the files say", async () => {
    const { code, stderr } = await deployV2();
    assert.equal(code, 5);
    assert.match(stderr, /supervisord still runs the one before/);
    assert.equal(await version(), "v1");
  });

  test("is deployed as ever once it has", async () => {
    const { code: updated, stderr: why } = await rig.supervisord.ctl(["update", "shop"]);
    assert.equal(updated, 0, why);
    assert.equal((await rig.zdr(["setup"])).code, 0);
    const { code, stderr } = await deployV2();
    assert.equal(code, 0, stderr);
  });

  const stateOf = async () => (await rig.supervisord.ctl(["status", "shop"])).stdout.split(/\s+/)[1];

  test("where it was stopped, setup does not adopt what would start it", async () => {
    assert.equal((await rig.zdr(["stop"])).code, 0);
    ({ url } = await rig.addSample("gunicorn", { watch: 0, environment: { COLOR: "red" } }));
    const { code, stdout } = await rig.zdr(["setup"]);
    assert.equal(code, 5);
    assert.match(stdout, /still runs the one before; fix: supervisorctl -c \/\S+\.conf update shop/);
    assert.equal(await stateOf(), "STOPPED");
  });

  test("but it does where supervisor starts it for nobody, and the next deploy does", async () => {
    ({ url } = await rig.addSample("gunicorn", { watch: 0, environment: { COLOR: "green" }, autostart: false }));
    const { code, stdout } = await rig.zdr(["setup"]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /changed shop in supervisor to its new section: nothing of it runs/);
    assert.equal(await stateOf(), "STOPPED");
    await rig.useSample("gunicorn", { release: "v3" });
    const deployed = await rig.zdr(["deploy", "--tag", "v3"]);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.equal(await version(), "v3");
  });
});
