/** The oldest Node that a host may have: the agent does all its work on it, whatever Node the CLI runs on. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { run } from "../../support/processes.ts";
import { node18, type Rig, startRig } from "../../support/rig.ts";

describe("one program, with the agent on Node 18", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;

  before(async () => {
    const hostNode = await node18();
    assert.match((await run([hostNode, "--version"])).stdout, /^v18\./);
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh", hostNode });
    ({ url } = await rig.addSample("go-overseer", { watch: "1s" }, { timeout: "5s" }));
    await rig.configure({ shared: { dirs: ["logs"] }, keep: 2 });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const ok = async (...args: string[]) => {
    const result = await rig.zdr(args);
    assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
    return result;
  };
  const deploy = async (tag: string, release = tag) => {
    await rig.useSample("go-overseer", { release });
    const { stdout, stderr } = await ok("deploy", "--tag", tag, "--json");
    return reportIn(stdout, stderr);
  };
  const lockHolder = async () => {
    const folder = join(rig.deployTo, ".zdr");
    const name = (await readdir(folder)).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
    return (JSON.parse(await readFile(join(folder, name), "utf8")) as { pid: number }).pid;
  };
  const version = () => textAt(`${url}/version`);

  test("setup delivers it and makes the layout, and again finds all in order", async () => {
    await ok("setup");
    assert.match((await ok("setup")).stdout, /all is in order/);
  });

  test("the first deploy starts the program", async () => {
    const report = await deploy("v1");
    assert.deepEqual([report.action, report.proof, await version()], ["start", "processes", "v1"]);
    assert.equal(await readlink(join(rig.deployTo, "releases/v1/logs")), "../../shared/logs");
  });

  test("the process that does the work is that Node, and nothing else", async () => {
    await rig.useSample("go-overseer", { release: "v2" });
    const zdr = rig.startZdr(["deploy", "--tag", "v0"]);
    await eventually(() => zdr.said().stderr.includes("flip: v0"), { name: "the agent is at work" });
    assert.equal(await readlink(`/proc/${await lockHolder()}/exe`), await realpath(await node18()));
    assert.equal((await zdr.done).code, 0, zdr.said().stderr);
    await ok("rollback");
  });

  test("the second reloads it, and its meter counts requests of which none failed", async () => {
    const report = await deploy("v2");
    assert.deepEqual([report.action, report.before.pid, await version()], ["reload", report.after.pid, "v2"]);
    const { baseline, during } = report.meter ?? assert.fail("nothing was measured");
    assert.ok(baseline.sent > 0 && during.sent > 0);
    assert.deepEqual([baseline.failed, during.failed], [0, 0]);
  });

  test("a release that never gets healthy is reverted", async () => {
    await rig.useSample("go-overseer", { release: "v3", variant: "unhealthy" });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v3"]);
    assert.equal(code, 7, stderr);
    assert.match(stderr, /^zdr: state: web1 serves v2 again \(reverted, verified\)$/m);
    assert.equal(await version(), "v2");
  });

  test("rollback, the next deploy and its prune work", async () => {
    await ok("rollback");
    assert.equal(await version(), "v1");
    await deploy("v4");
    await deploy("v5", "v2");
    const { stdout } = await ok("releases");
    assert.match(stdout, /^\* +v5 +good /m);
    assert.doesNotMatch(stdout, /^ +v2 /m);
  });

  test("stop, start and restart work, and status prints what supervisorctl prints", async () => {
    for (const verb of ["stop", "start", "restart"]) await ok(verb);
    const [ours, theirs] = [await ok("status", "shop"), await rig.supervisord.ctl(["status", "shop"])];
    assert.equal(masked(ours.stdout), masked(theirs.stdout));
    assert.equal(await version(), "v2");
  });
});

const masked = (text: string) => text.replace(/\d\d$/gm, "SS");
