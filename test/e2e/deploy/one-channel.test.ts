/** What a command costs on the way to a host, counted by the host's own SSH server. */
import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { reportIn } from "../../support/load/deploy-series.ts";
import { type Rig, startRig } from "../../support/rig.ts";

describe("each command takes one SSH connection and one channel", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    await rig.addSample("gunicorn", { watch: 0 });
    await rig.useSample("gunicorn", { release: "v1" });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const counts = () => {
    const { sshd } = rig;
    assert.ok(sshd);
    return { connections: sshd.connectionCount(), channels: sshd.channelCount() };
  };
  /** Runs zdr; what it printed, and what sshd saw of it. */
  const counted = async (...args: string[]) => {
    const before = counts();
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
    const { connections, channels } = counts();
    return {
      ...{ stdout, stderr },
      cost: { connections: connections - before.connections, channels: channels - before.channels },
    };
  };
  const agents = async () =>
    (await readdir(join(rig.deployTo, ".zdr"))).filter((name) => /^agent-[0-9a-f]+\.cjs$/.test(name));
  const ONE = { connections: 1, channels: 1 };

  test("setup, with the agent on its way to a host that has none", async () => {
    assert.deepEqual((await counted("setup")).cost, ONE);
  });

  test("a deploy that uploads a release and starts the program", async () => {
    const { cost, stdout, stderr } = await counted("deploy", "--tag", "v1", "--json");
    assert.deepEqual(cost, ONE);
    assert.equal(reportIn(stdout, stderr).action, "start");
  });

  test("a deploy that uploads a release and reloads the program", async () => {
    await rig.useSample("gunicorn", { release: "v2" });
    const { cost, stdout, stderr } = await counted("deploy", "--tag", "v2", "--json");
    assert.deepEqual(cost, ONE);
    assert.equal(reportIn(stdout, stderr).action, "reload");
  });

  test("a rollback", async () => {
    const { cost, stdout, stderr } = await counted("rollback", "--json");
    assert.deepEqual(cost, ONE);
    assert.equal(reportIn(stdout, stderr).after.release, "v1");
  });

  test("status, with and without the releases that run", async () => {
    assert.deepEqual((await counted("status")).cost, ONE);
    assert.deepEqual((await counted("status", "--releases")).cost, ONE);
  });

  test("a command for which the host needs the agent again", async () => {
    const before = await agents();
    assert.equal(before.length, 1, "the agent was kept");
    for (const name of before) await rm(join(rig.deployTo, ".zdr", name));
    assert.deepEqual((await counted("status")).cost, ONE);
    assert.deepEqual(await agents(), before);
  });

  test("a deploy that is refused, and one that only looks", async () => {
    assert.deepEqual((await counted("deploy", "--tag", "v3", "--dry-run")).cost, ONE);
    const before = counts();
    assert.equal((await rig.zdr(["rollback", "--to", "nosuch"])).code, 5);
    const { connections, channels } = counts();
    assert.deepEqual([connections - before.connections, channels - before.channels], [1, 1]);
  });
});
