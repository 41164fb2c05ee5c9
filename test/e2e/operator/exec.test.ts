/** An operator's own command on the hosts, and ssh to one of them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { assertTold } from "../../support/wrong-world.ts";

describe("zdr exec and zdr ssh", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let web1: Record<string, unknown>;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    await mkdir(join(rig.deployTo, "releases/v1"), { recursive: true });
    await symlink("releases/v1", join(rig.deployTo, "current"));
    const { host: address, port } = rig.sshd ?? { host: "", port: 0 };
    web1 = { name: "web1", address, port, user: userInfo().username };
    const programs = { shop: { command: "bin/shop", reload: "restart" } };
    await rig.configure({ programs, hosts: ["local", web1] });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  test("a command runs on every host in the release that serves, and each line says whose it is", async () => {
    const { code, stdout, stderr } = await rig.zdr(["exec", "--", "pwd"]);
    assert.equal(code, 0, stderr);
    const release = join(rig.deployTo, "releases/v1");
    const current = join(rig.deployTo, "current");
    for (const host of ["local", "web1"]) {
      assert.ok(
        [`${host}: ${release}`, `${host}: ${current}`].some((line) => stdout.split("\n").includes(line)),
        stdout,
      );
    }
  });

  test("where no release serves, it is said where it runs instead", async () => {
    await rig.configure({ deploy_to: join(rig.dir, "empty") });
    try {
      await mkdir(join(rig.dir, "empty"));
      const { code, stdout, stderr } = await rig.zdr(["exec", "--host", "local", "--", "pwd"]);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `local: ${join(rig.dir, "empty")}\n`);
      assert.match(stderr, /warning: local: no release serves there, so it runs in .*\/empty$/m);
    } finally {
      await rig.configure({ deploy_to: rig.deployTo });
    }
  });

  test("words reach the command as they are, and no shell sees them", async () => {
    const words = ["a b", "$HOME", "`id`", "*", "'", '"', ";", "-n"];
    const { stdout } = await rig.zdr(["exec", "--host", "web1", "--", "printf", "<%s>\\n", ...words]);
    assert.equal(stdout, words.map((word) => `web1: <${word}>\n`).join(""));
  });

  test("with --shell they are one text for sh", async () => {
    const { stdout } = await rig.zdr(["exec", "--host", "local", "--shell", "--", "echo one | tr a-z A-Z; echo two"]);
    assert.equal(stdout, "local: ONE\nlocal: two\n");
  });

  test("stderr stays stderr, the exit code is the command's, and the error says where", async () => {
    const result = await rig.zdr(["exec", "--shell", "--", "echo out; echo err >&2; exit 7"]);
    assertTold(result, { exit: 7, error: /^(local, web1|web1, local): the command ended with exit code 7: echo out/ });
    assert.deepEqual(result.stdout.split("\n").sort(), ["", "local: out", "web1: out"]);
    assert.match(result.stderr, /^web1: err$/m);
    assert.match(result.stderr, /look there: zdr ssh web1/);
    assert.doesNotMatch(result.stderr, /zdr ssh local/);
  });

  test("a command that is not there ends with 127", async () => {
    assertTold(await rig.zdr(["exec", "--host", "web1", "--", "no-such-thing"]), {
      ...{ exit: 127, error: /web1: the command did not begin: .*ENOENT/, hint: /--shell/ },
    });
    assertTold(await rig.zdr(["exec"]), { exit: 2, error: /needs a command/ });
  });

  test("much output comes whole, in its order", async () => {
    const { stdout } = await rig.zdr(["exec", "--host", "web1", "--", "seq", "200000"]);
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    const wanted = Array.from({ length: 200_000 }, (_, at) => `web1: ${at + 1}\n`).join("");
    assert.equal(hash(stdout), hash(wanted));
  });

  test("--json has one event for each line, and how it ended", async () => {
    const { stdout } = await rig.zdr(["exec", "--host", "web1", "--json", "--", "echo", "hello"]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    assert.deepEqual(
      events.filter(({ event }) => event === "output"),
      [{ event: "output", host: "web1", stream: "stdout", line: "hello" }],
    );
    assert.deepEqual(events.at(-1), {
      ...{ event: "result", exit: 0, data: { hosts: [{ host: "web1", code: 0, signal: null }] } },
    });
  });

  test("Ctrl-C ends the command on the host too", async () => {
    const pidFile = join(rig.dir, "pid");
    const script = `echo $$ > ${pidFile}; exec sleep 100000`;
    const running = rig.startZdr(["exec", "--host", "web1", "--shell", "--", script]);
    const pid = await eventually(async () => Number(await readFile(pidFile, "utf8")), { name: "the command's pid" });
    running.kill("SIGINT");
    assert.equal((await running.done).code, 130);
    await eventually(() => !isAlive(pid), { name: "the command's end" });
  });

  test("a command without end is ended on the host once nobody reads what it says", async () => {
    const pidFile = join(rig.dir, "pid-of-yes");
    const script = `echo $$ > ${pidFile}; exec yes`;
    const running = rig.startZdr(["exec", "--host", "web1", "--shell", "--", script]);
    await eventually(() => running.said().stdout.includes("web1: y\n"), { name: "the first line" });
    running.stopReading();
    const { code, stderr } = await running.done;
    assert.deepEqual([code, stderr], [141, ""]);
    const pid = Number(await readFile(pidFile, "utf8"));
    await eventually(() => !isAlive(pid), { name: "the command's end" });
  });

  test("ssh goes the way of deploy.yml, hands a command on, and ends with its exit code", async () => {
    const { code, stdout, stderr } = await rig.zdr(["ssh", "web1", "--", "echo from $SSH_CONNECTION; exit 5"]);
    assert.equal(code, 5, stderr);
    assert.match(stdout, /^from 127\.0\.0\.1 /);
  });

  test("ssh believes a fingerprint that is pinned, and no other", async () => {
    const fingerprint = (await rig.zdr(["trust", "--json"])).stdout.match(/SHA256:[A-Za-z0-9+/]+/)?.[0];
    const nobody = join(rig.dir, "no-known-hosts");
    await writeFile(nobody, "");
    const ssh = { key: join(rig.dir, "ssh/key"), known_hosts: nobody };
    await rig.configure({ hosts: ["local", { ...web1, host_key: fingerprint }], ssh });
    assert.equal((await rig.zdr(["ssh", "web1", "--", "true"])).code, 0);
    const other = `SHA256:${createHash("sha256").update("other").digest("base64").replace(/=+$/, "")}`;
    await rig.configure({ hosts: ["local", { ...web1, host_key: other }] });
    assertTold(await rig.zdr(["ssh", "web1", "--", "true"]), { exit: 4, error: /web1: the host key .* has changed/ });
  });

  test("ssh to this machine, and to a host that deploy.yml does not have, is refused", async () => {
    assertTold(await rig.zdr(["ssh", "local"]), { exit: 2, error: /local is this very machine/ });
    assertTold(await rig.zdr(["ssh", "wbe1"]), { exit: 2, error: /wbe1/ });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
