/** A plan is read from the hosts and changes nothing there; a deploy that is held to it does that or nothing. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Rig, startRig } from "../support/rig.ts";
import { assertTold, resultOf } from "../support/wrong-world.ts";

interface Planned {
  readonly id?: string;
  readonly hosts: readonly {
    readonly from?: string;
    readonly to: string;
    readonly send: { readonly files: number; readonly bytes: number };
    readonly freeBytes: number;
    readonly freeBytesAfter: number;
    readonly prune: readonly string[];
    readonly isDone: boolean;
    readonly programs: readonly { readonly action: string; readonly words: string; readonly pid?: number }[];
  }[];
}

describe("zdr plan", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    await rig.addSample("gunicorn", { watch: 0 });
    await rig.configure({ keep: 1 });
    await rig.useSample("gunicorn", { release: "v1" });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const plan = async (tag: string, exit: number): Promise<Planned> => {
    const result = await rig.zdr(["plan", "--tag", tag, "--json"]);
    assert.equal(result.code, exit, result.stderr);
    return resultOf<Planned>(result);
  };
  const deploy = async (tag: string, ...more: string[]) => {
    const result = await rig.zdr(["deploy", "--tag", tag, ...more]);
    assert.equal(result.code, 0, result.stderr);
  };

  test("before setup a deploy would be refused, and so says the plan", async () => {
    assertTold(await rig.zdr(["plan", "--tag", "v1"]), { exit: 5, error: /not set up/, hint: /zdr setup/ });
    assert.deepEqual(await readdir(rig.deployTo), []);
    assert.equal((await rig.zdr(["setup"])).code, 0);
  });

  test("it says what would be sent, flipped and done to each program, exits with 10, and changes nothing", async () => {
    const before = await readdir(rig.deployTo, { recursive: true });
    const { id, hosts } = await plan("v1", 10);
    assert.match(id ?? "", /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/);
    const [host] = hosts;
    assert.deepEqual(
      [host?.from, host?.to, host?.isDone, host?.programs[0]?.action],
      [undefined, "v1", false, "start"],
    );
    assert.ok(host && host.send.files > 0 && host.send.bytes > 0);
    assert.ok(host.freeBytesAfter < host.freeBytes);
    // The agent comes with the first session, and keeps its own compiled code.
    const isOwn = (name: string) => /^\.zdr\/(agent-|code-cache)/.test(name);
    const after = await readdir(rig.deployTo, { recursive: true });
    assert.deepEqual(
      after.filter((name) => !isOwn(name)),
      before.filter((name) => !isOwn(name)),
    );
  });

  test("a deploy that is held to the plan does it, and then there is nothing to do", async () => {
    const { id = "" } = await plan("v1", 10);
    await deploy("v1", "--plan", id);
    assert.equal(await readlink(join(rig.deployTo, "current")), "releases/v1");
    const { code, stdout } = await rig.zdr(["plan", "--tag", "v1"]);
    assert.equal(code, 0);
    assert.match(stdout, /nothing to do: v1 serves everywhere/);
  });

  test("the signal and who gets it, and the release that would be pruned, are what the deploy then does", async () => {
    await rig.useSample("gunicorn", { release: "v2" });
    await deploy("v2");
    await rig.useSample("gunicorn", { release: "v3" });
    const { hosts } = await plan("v3", 10);
    const [shop] = hosts[0]?.programs ?? [];
    const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout.trim();
    assert.equal(shop?.words, `reload: HUP to pid ${pid}`);
    assert.deepEqual(hosts[0]?.prune, ["v1"]);
    const text = (await rig.zdr(["plan", "--tag", "v3"])).stdout;
    assert.match(text, /prune: v1, which gives back /);
    assert.match(text, /^plan \S+: zdr deploy --tag v3 --plan \S+$/m);
    const chosen = (await rig.zdr(["plan", "--tag", "v3", "-c", "./deploy.yml", "--host", "web*"])).stdout;
    const command = /^plan \S+: zdr (.*)$/m.exec(chosen)?.[1] ?? "";
    assert.match(command, / --plan \S+ -c \.\/deploy\.yml --host 'web\*'$/);
    const deployed = await rig.zdr(command.replaceAll("'", "").split(" "));
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.deepEqual((await readdir(join(rig.deployTo, "releases"))).sort(), ["v2", "v3"]);
  });

  test("where the hosts are not as they were, it refuses with 5, says so, and changes nothing", async () => {
    await rig.useSample("gunicorn", { release: "v4" });
    const { id = "" } = await plan("v4", 10);
    assert.equal((await rig.zdr(["rollback"])).code, 0);
    const refused = await rig.zdr(["deploy", "--tag", "v4", "--plan", id]);
    assertTold(refused, {
      exit: 5,
      error: /not what was planned: the hosts are not as they were; nothing was changed/,
    });
    assert.equal(await readlink(join(rig.deployTo, "current")), "releases/v2");
    assert.ok(!(await readdir(join(rig.deployTo, "releases"))).includes("v4"));
  });

  test("another build and a changed deploy.yml are told by name", async () => {
    const { id = "" } = await plan("v4", 10);
    await rig.useSample("gunicorn", { release: "v4", variant: "unhealthy" });
    await rig.configure({ keep: 3 });
    assertTold(await rig.zdr(["deploy", "--tag", "v4", "--plan", id]), {
      ...{ exit: 5, error: /the build is another one and deploy\.yml has changed/, hint: /zdr plan --tag v4/ },
    });
  });

  test("what is no ID of a plan is refused before any host is asked", async () => {
    assertTold(await rig.zdr(["deploy", "--tag", "v4", "--plan", "v4"]), { exit: 2, error: /is no plan's ID/ });
  });

  test("a release that is there with other content would be refused, and is not said to serve", async () => {
    await rig.useSample("gunicorn", { release: "v5" });
    const refused = await rig.zdr(["plan", "--tag", "v2"]);
    assertTold(refused, { exit: 5, error: /release v2 is there with other content/ });
    assert.equal(refused.stdout, "");
  });

  test("a release that has failed here before is planned with a word about that", async () => {
    await rig.useSample("gunicorn", { release: "v6", variant: "unhealthy" });
    const shop = JSON.parse(await readFile(rig.configPath, "utf8")).programs.shop;
    await rig.configure({ programs: { shop: { ...shop, health: { ...shop.health, timeout: "2s" } } } });
    assert.equal((await rig.zdr(["deploy", "--tag", "v6"])).code, 7);
    const { code, stderr } = await rig.zdr(["plan", "--tag", "v6"]);
    assert.equal(code, 10, stderr);
    assert.match(stderr, /warning: web1: the ledger calls v6 bad: it failed when it was last activated here/);
  });
});
