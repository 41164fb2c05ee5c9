/** Several hosts, each in a namespace of its own, and what becomes of all of them when one of them fails. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type FleetRig, startFleet } from "../../support/fixtures/fleet.ts";
import { buildSample, type Variant } from "../../support/samples.ts";

const COUNT = 4;

let fleet: FleetRig;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  fleet = await startFleet((clean) => void cleanUps.push(clean), { count: COUNT });
  const { code, stderr } = await fleet.zdr(["setup"]);
  assert.equal(code, 0, stderr);
});
after(async () => {
  for (const clean of cleanUps) await clean();
});

async function deploy(tag: string, parts: { rollout?: object; variant?: Variant } = {}, args: string[] = []) {
  const path = await buildSample("go-overseer", { release: tag, variant: parts.variant ?? "broken-here" });
  await fleet.configure({ build: { path }, rollout: parts.rollout });
  return fleet.zdr(["deploy", "--tag", tag, ...args]);
}

const answers = () => Promise.all(fleet.hosts.map((host) => host.ask("/version")));
const all = (tag: string | undefined) => fleet.hosts.map(() => tag);

describe("a fleet", { concurrency: 1 }, () => {
  test("takes a release in the steps of rollout, and every host serves it", async () => {
    const rollout = { batch: [1, "50%", "100%"], pause: "300ms" };
    const { code, stderr } = await deploy("v1", { rollout }, ["--parallel", "1"]);
    assert.equal(code, 0, stderr);
    const staged = stderr.split("\n").flatMap((line) => /^(web\d): stage(?: done|$)/.exec(line)?.[1] ?? []);
    assert.deepEqual(staged, ["web1", "web1", "web2", "web2", "web3", "web3", "web4", "web4"], stderr);
    assert.match(stderr, /^slowest: web[1-4], .* s, of which (?:survey|stage|activate|soak) took /m);
    assert.deepEqual(await answers(), all("v1"));
    const order = stderr.split("\n").filter((line) => /step \d of 3|: soak/.test(line));
    assert.match(
      order.join("\n"),
      /step 1 of 3: web1\n[\s\S]*web1: soak[\s\S]*step 2 of 3: web2, web3\n[\s\S]*step 3 of 3: web4/,
    );
  });

  test("runs a program only on the hosts of its role, and takes a release on the others all the same", async () => {
    const { shop } = fleet.defaults.programs;
    const more = { ...shop, command: "bin/shop -addr 127.0.0.1:8081", roles: ["blue"], health: undefined };
    const hosts = ["web1", { name: "web2", roles: ["blue"] }, "web3", "web4"];
    await fleet.configure({ hosts, programs: { shop, more } });
    assert.equal((await fleet.zdr(["setup"])).code, 0);
    const { code, stdout, stderr } = await deploy("v1.1");
    assert.equal(code, 0, stderr);
    assert.deepEqual(await answers(), all("v1.1"));
    assert.match(stdout, /web2 +more +start/);
    assert.doesNotMatch(stdout, /web[134] +more/);
    assert.equal((await fleet.zdr(["stop", "more"])).code, 0);
    const status = await fleet.host("web1").run(["supervisorctl", "-c", `${fleet.dir}/host/sv.conf`, "status"]);
    assert.doesNotMatch(status.stdout, /more/);
    await fleet.configure({ hosts: [`web[1:${COUNT}]`], programs: { shop } });
  });

  test("that serves a release already is left alone, host by host", async () => {
    assert.equal((await deploy("v2", {}, ["--host", "web[1:2]"])).code, 0);
    assert.deepEqual(await answers(), ["v2", "v2", "v1.1", "v1.1"]);
    // What had it before is not watched between the steps: its lock is given up.
    const { code, stderr } = await deploy("v2", { rollout: { batch: [1, "100%"], pause: "100ms" } });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await answers(), all("v2"));
  });

  test("of which one host has no room serves as before, all of it", async () => {
    const [, , third] = fleet.hosts;
    const { code: mounted } =
      (await third?.run(["mount", "-t", "tmpfs", "-o", "ro", "none", `${fleet.dir}/host/web/.zdr`])) ?? assert.fail();
    assert.equal(mounted, 0);
    const { code, stderr } = await deploy("v3");
    await third?.run(["umount", `${fleet.dir}/host/web/.zdr`]);
    assert.ok(code === 5 || code === 6, `${code}: ${stderr}`);
    assert.match(stderr, /web3: /);
    assert.deepEqual(await answers(), all("v2"));
  });

  test("of which one host can not run the release serves as before, all of it, though that one comes last and may fail", async () => {
    const { shop } = fleet.defaults.programs;
    const closed = `${fleet.dir}/host/closed`;
    await fleet.host("web4").run(["touch", closed]);
    await fleet.configure({ programs: { shop: { ...shop, check: `/usr/bin/test ! -e ${closed}` } } });
    const { code, stderr } = await deploy("v2.1", { rollout: { batch: 1, max_failures: 1 } });
    await fleet.configure({ programs: { shop } });
    await fleet.host("web4").run(["rm", closed]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /error: web4: program "shop" cannot be run from this release/);
    assert.match(stderr, /web1, web2, web3, web4 hold v2\.1 and still serve v2/);
    assert.match(stderr, /hint: +the others without web4: the same command with --except web4/);
    assert.deepEqual(await answers(), all("v2"));
  });

  test("of which the first host fails goes no further", async () => {
    const { code, stderr } = await deploy("crash", { variant: "crash" });
    assert.equal(code, 7, stderr);
    assert.match(stderr, /no further host is tried: 3 hosts left \(web2, web3, web4\)/);
    assert.deepEqual(await answers(), all("v2"));
  });

  test("of which a later host fails keeps what it has by on_failure: stop, and says which host serves what", async () => {
    await breakHost("web3", "v4");
    const { code, stderr } = await deploy("v4", { rollout: { batch: 1, on_failure: "stop" } }, ["--host", "web*"]);
    assert.equal(code, 8, stderr);
    assert.match(stderr, /web3 serves v2 again.*web1, web2 serve v4.*web4 holds v4 and still serves v2/);
    assert.deepEqual(await answers(), ["v4", "v4", "v2", "v2"]);
    assert.match(
      stderr,
      /hint: {2}the same command again goes on with the hosts that do not serve v4; .* zdr rollback --to v2 --host 'web\*'$/m,
    );
    await mendHost("web3");
    await rollBackBeside("web4", "v2");
    assert.equal((await deploy("v4")).code, 0);
    assert.deepEqual(await answers(), all("v4"));
  });

  /** A check that fails on a host which serves that release already says nothing of it. */
  async function rollBackBeside(name: string, tag: string): Promise<void> {
    const { shop } = fleet.defaults.programs;
    const closed = `${fleet.dir}/host/closed`;
    await fleet.host(name).run(["touch", closed]);
    await fleet.configure({ programs: { shop: { ...shop, check: `/usr/bin/test ! -e ${closed}` } } });
    const { code, stderr } = await fleet.zdr(["rollback", "--to", tag]);
    await fleet.configure({ programs: { shop } });
    await fleet.host(name).run(["rm", closed]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await answers(), all(tag));
    assert.match((await fleet.zdr(["releases"])).stdout, new RegExp(`${name} .*${tag} +good`));
  }

  test("of which one does not get healthy again in a restart: that one is left half-way, and the others are not said to be", async () => {
    await breakHost("web3", "v4");
    const { code, stderr } = await fleet.zdr(["restart"]);
    await mendHost("web3");
    assert.equal(code, 8, stderr);
    const state = 'web3 was left in the middle of "restart": zdr status; web1, web2, web4 have done "restart"';
    assert.ok(stderr.includes(`zdr: state: ${state}\n`), stderr);
    assert.deepEqual(await answers(), all("v4"));
  });

  test("of which a later host fails goes back as a whole by on_failure: revert-all", async () => {
    await breakHost("web4", "v5");
    const rollout = { batch: [1, "100%"], on_failure: "revert-all" };
    const { code, stdout: table, stderr } = await deploy("v5", { rollout });
    await mendHost("web4");
    assert.equal(code, 7, stderr);
    assert.match(table, /web1 +shop +reload +v4 -> v5 .*\nweb1 +shop +reload +v5 -> v4 /);
    assert.deepEqual(await answers(), all("v4"));
    const { stdout } = await fleet.zdr(["releases"]);
    assert.match(stdout, /web1 +v5 +withdrawn/);
  });

  test("of which a host can not go back, since its old release was changed by hand, is told to differ, and what serves where", async () => {
    await breakHost("web4", "v5.1");
    const web1 = fleet.host("web1");
    const binary = `${fleet.dir}/host/web/releases/v4/bin/shop`;
    assert.equal((await web1.run(["mv", binary, `${binary}.away`])).code, 0);
    const { code, stderr } = await deploy("v5.1", { rollout: { batch: [1, "100%"], on_failure: "revert-all" } });
    await web1.run(["mv", `${binary}.away`, binary]);
    await mendHost("web4");
    assert.equal(code, 8, stderr);
    assert.match(stderr, /^zdr: error: web1: on the way back to v4: release v4 is not as it was published: /m);
    assert.match(stderr, /^zdr: error: web4: .*not healthy/m);
    assert.match(stderr, /^zdr: state: .*web1 serves v5\.1$/m);
    assert.deepEqual(await answers(), ["v5.1", "v4", "v4", "v4"]);
    const [, hint] = /when that is mended, take web1 back: zdr (.*)$/m.exec(stderr) ?? assert.fail(stderr);
    const back = await fleet.zdr(hint?.split(" ") ?? []);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(await answers(), all("v4"));
  });

  test("may lose as many hosts as max_failures says", async () => {
    await breakHost("web1", "v6");
    const { code, stderr } = await deploy("v6", { rollout: { max_failures: 1 } });
    await mendHost("web1");
    assert.equal(code, 8, stderr);
    assert.deepEqual(await answers(), ["v4", "v6", "v6", "v6"]);
    assert.equal((await deploy("v6")).code, 0);
  });

  test("of which one host is down is refused before anything is changed, unless that one is to be passed over", async () => {
    await fleet.kill("web2");
    const up = async () => (await answers()).filter((_, at) => at !== 1);
    const refused = await deploy("v7");
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /web2: /);
    assert.match(refused.stderr, /hint: {2}the others without web2: the same command with --skip-unreachable/);
    assert.deepEqual(await up(), ["v6", "v6", "v6"]);
    const passed = await deploy("v7", {}, ["--skip-unreachable"]);
    assert.equal(passed.code, 0, passed.stderr);
    assert.match(passed.stderr, /web2.*passed over/);
    assert.match(passed.stderr, /\npassed over: web2; once reachable: the same command again goes on with web2\n$/);
    assert.deepEqual(await up(), ["v7", "v7", "v7"]);
  });

  test("of which one host is down and another one is held: that one is passed over, and this one waited for", async () => {
    const go = `${fleet.dir}/host/go`;
    const path = await buildSample("go-overseer", { release: "v8", variant: "broken-here" });
    const before_stage = [{ shell: `until [ -e ${go} ]; do sleep 0.1; done` }];
    await fleet.configure({ build: { path }, hooks: { before_stage } });
    const holder = fleet.startZdr(["deploy", "--tag", "v8", "--host", "web1"]);
    await eventually(() => holder.said().stderr.includes("hook before_stage"), { name: "web1 is held" });
    await fleet.configure({ hooks: undefined });
    for (const verb of [
      ["deploy", "--tag", "v8"],
      ["rollback", "--to", "v6"],
    ]) {
      const refused = await fleet.zdr([...verb, "--wait", "5m"]);
      assert.equal(refused.code, 4, refused.stderr);
      assert.match(refused.stderr, /hint: {2}the others without web2: the same command with --skip-unreachable/);
    }
    const zdr = fleet.startZdr(["rollback", "--to", "v6", "--wait", "5m", "--skip-unreachable"]);
    await eventually(() => /web1: waits for /.test(zdr.said().stderr), { name: "it waits" });
    await fleet.host("web1").run(["touch", go]);
    const [held, { code, stderr }] = await Promise.all([holder.done, zdr.done]);
    assert.equal(held.code, 0, held.stderr);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /web2.*passed over/);
    assert.match(stderr, /\npassed over: web2; once reachable: go on with web2: zdr rollback --to v6\n$/);
    assert.deepEqual(
      (await answers()).filter((_, at) => at !== 1),
      ["v6", "v6", "v6"],
    );
  });
});

/** On this host that release never gets healthy. */
async function breakHost(name: string, release: string): Promise<void> {
  const host = fleet.hosts.find((one) => one.name === name) ?? assert.fail();
  await host.run(["sh", "-c", `echo ${release} > ${fleet.dir}/host/unhealthy`]);
}

async function mendHost(name: string): Promise<void> {
  const host = fleet.hosts.find((one) => one.name === name) ?? assert.fail();
  await host.run(["rm", "-f", `${fleet.dir}/host/unhealthy`]);
}
