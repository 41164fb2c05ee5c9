/** The way to the agent through a real sshd: what a host's Node and its login shells can put in that way. */
import assert from "node:assert/strict";
import { chmod, copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type ConfigParts, node16, type Rig, startRig } from "../../support/rig.ts";
import { addTemporaryUser, type TemporaryUser } from "../../support/temporary-user.ts";
import { assertServes, assertTold } from "../../support/wrong-world.ts";

const SERVING = { tag: "v1", answer: "v1" };

describe("a host behind SSH with a release that serves", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let user: TemporaryUser;
  let rig: Rig;
  let url = "";
  let config: ConfigParts;

  const deploy = (tag = "v2") => rig.zdr(["deploy", "--tag", tag]);
  const writeStartUp = (name: string, text: string) => writeFile(join(user.home, name), text);

  before(async () => {
    user = await addTemporaryUser({ shell: "/bin/bash" });
    cleanUps.push(() => user.remove());
    // supervisord is the user's own, so that nobody else's rights get in the way.
    const supervisord = { user: user.name };
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) }, { via: "ssh", user: user.name, supervisord });
    ({ url } = await rig.addSample("go-plain", { start_seconds: 1, watch: "300ms" }));
    await rig.useSample("go-plain", { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    await rig.useSample("go-plain", { release: "v2" });
    config = JSON.parse(await readFile(rig.configPath, "utf8"));
  });
  afterEach(async () => {
    await rig.configure(config);
    for (const name of [".bashrc", ".bash_profile"]) await writeStartUp(name, "");
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });
  const assertUntouched = async () => {
    await rig.configure(config);
    for (const name of [".bashrc", ".bash_profile"]) await writeStartUp(name, "");
    await assertServes(rig, url, SERVING);
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), ["v1"]);
  };

  test("and no Node where deploy.yml names it: the path that was looked at is told", async () => {
    await rig.configure({ node: "/nonexistent/node" });
    const error = /web1: there is no Node on the host \(searched: \/nonexistent\/node\)/;
    assertTold(await deploy(), { exit: 4, error, state: /web1 was not touched/, hint: /Node 18 or newer/ });
    assert.match((await rig.zdr(["status", "--help"])).stdout, /4 not reached or trusted, or no Node there/);
    assert.equal((await rig.zdr(["status"])).code, 4);
    await assertUntouched();
  });

  test("and a Node that is too old: its path and version are told, and what is needed", async () => {
    const old = join(rig.dir, "node-16");
    await copyFile(await node16(), old);
    await chmod(old, 0o755);
    await rig.configure({ node: old });
    const error = /web1: .*\/node-16 on the host is Node 16\.\d+\.\d+; Node 18 or newer is needed/;
    assertTold(await deploy(), { exit: 4, error, state: /web1 was not touched/, hint: /deploy\.yml: node:/ });
    await assertUntouched();
  });

  test("and something that is no Node at all: it is told as an agent that did not start", async () => {
    await rig.configure({ node: "/bin/true" });
    assertTold(await deploy(), { exit: 4, error: /web1: the agent did not start/, state: /not touched/, hint: /./ });
    await assertUntouched();
  });

  test("and start-up files that end the shell: what they said is told", async () => {
    await writeStartUp(".bashrc", "echo 'this account is closed'\nexit 1\n");
    const error = /web1: the agent did not start: exit 1 \(the login shell said: this account is closed\)/;
    assertTold(await deploy(), { exit: 4, error, state: /not touched/, hint: /start-up files of the login shell/ });
    await assertUntouched();
  });

  test("and start-up files that print to both streams, without a last newline, in several lines: nothing is disturbed", async () => {
    const noise = `printf 'Welcome to "web1"\\n{"kind":"hello"}\\n\\x00\\xff no newline'\necho trouble >&2\n`;
    await writeStartUp(".bashrc", noise);
    await writeStartUp(".bash_profile", noise);
    const status = await rig.zdr(["status", "shop"]);
    assert.deepEqual([status.code, status.stdout.split(/\s+/).slice(0, 2)], [0, ["shop", "RUNNING"]]);
    const { code, stdout, stderr } = await deploy();
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(`${stdout}${stderr}`, /Welcome|trouble|no newline/);
    await assertServes(rig, url, { tag: "v2", answer: "v2" });
  });
});
