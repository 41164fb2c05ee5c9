/** The link to a host dies in the middle of a deploy: zdr connects again, and the deploy goes on where it was. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { type DelayProxy, startDelayProxy } from "../../support/load/delay-proxy.ts";
import { type Rig, type RunningZdr, startRig } from "../../support/rig.ts";

/** Long enough to cut the link in, between the flip and the end. */
const TIMES = { program: { watch: "2s" }, health: { timeout: "3s" } };
const FILES = 12;
const FILE_BYTES = 2 * 1024 * 1024;
/** What ssh and the manifest take up besides is far less than a file. */
const HALF_SENT = (FILES / 2) * FILE_BYTES;

/** Longer than a link takes to die. */
const SLOW_HOOK = { run: "/bin/sleep 2" };

for (const transport of ["builtin", "openssh"] as const) {
  describe(`over ${transport}, a link that dies`, () => {
    const cleaning: (() => Promise<void>)[] = [];
    let rig: Rig;
    let url: string;
    let proxy: DelayProxy;
    let count = 0;
    let tag: string;
    let old: string;

    before(async () => {
      rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh", transport });
      ({ url } = await rig.addSample("gunicorn", TIMES.program, TIMES.health));
      await rig.useSample("gunicorn", { release: "v0" });
      await ok("setup");
      await ok("deploy", "--tag", "v0");
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });
    beforeEach(async () => {
      const { sshd } = rig;
      assert.ok(sshd);
      tag = `v${++count}`;
      old = await version();
      proxy = await startDelayProxy({ target: { port: sshd.port }, oneWayMs: 0 });
      const { hosts, ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
      await appendFile(ssh.known_hosts, sshd.knownHostsLine({ name: `[127.0.0.1]:${proxy.port}` }));
      await rig.configure({ hosts: [{ ...hosts[0], port: proxy.port }] });
    });
    afterEach(() => proxy.close());

    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
      return `${stdout}${stderr}`;
    };
    const version = () => textAt(`${url}/version`);
    const current = async () => (await readlink(join(rig.deployTo, "current"))).replace("releases/", "");
    const incoming = () => readdir(join(rig.deployTo, ".zdr", "incoming"));
    const ledger = async (): Promise<string[]> => {
      const lines = (await readFile(join(rig.deployTo, ".zdr", "ledger.ndjson"), "utf8")).trim().split("\n");
      const entries = lines.map((line) => JSON.parse(line) as { tag: string; event: string });
      return entries.filter((entry) => entry.tag === tag).map(({ event }) => event);
    };
    /** Beside the program, files that take a while to send. */
    const useLargeBuild = async () => {
      const sample = await rig.useSample("gunicorn", { release: tag });
      const build = join(rig.project, `large-${tag}`);
      await mkdir(build);
      for (const name of await readdir(sample)) {
        await writeFile(join(build, name), await readFile(join(sample, name)), { mode: 0o755 });
      }
      for (let at = 0; at < FILES; at++) await writeFile(join(build, `z${at + 10}`), randomBytes(FILE_BYTES));
      await rig.configure({ build: { path: build } });
    };
    const deployUntil = async (text: string): Promise<RunningZdr> => {
      const zdr = rig.startZdr(["deploy", "--tag", tag]);
      await eventually(() => zdr.said().stderr.includes(text), { name: text });
      return zdr;
    };

    test("in the upload: it is connected to again, and goes on with the files that had arrived", async () => {
      await useLargeBuild();
      proxy.cutAfter(HALF_SENT);
      const said = await ok("deploy", "--tag", tag);
      assert.match(
        said,
        /^zdr: warning: web1: the connection was lost during upload: .*; connecting again .*try 1 of 4/m,
      );
      const again = /stage done .*: (\d+) files, .* sent, .* had arrived before/.exec(said)?.[1];
      assert.ok(again !== undefined && Number(again) < FILES, said);
      assert.equal(proxy.counts().connections, 2);
      assert.deepEqual([await version(), await current(), await incoming()], [tag, tag, []]);
      assert.match(await ok("verify"), new RegExp(tag));
    });

    test("after the flip: its agent finishes alone, and is asked what came of it", async () => {
      await rig.useSample("gunicorn", { release: tag });
      const zdr = await deployUntil(`flip: ${tag}`);
      proxy.cut();
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.match(stderr, /the connection was lost during activate: .*connecting again/);
      assert.equal(stderr.match(/^zdr: warning: /gm)?.length, 1, stderr);
      // As whoever never lost it would be told: which processes, what was measured, on what evidence.
      assert.match(stdout, new RegExp(`web1 +shop +reload +${old} -> ${tag} .* processes`));
      assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
      assert.equal(await version(), tag);
    });

    if (transport === "openssh") return;

    test("after the flip to a bad release: what served before serves again, and that is told", async () => {
      await rig.useSample("gunicorn", { release: tag, variant: "unhealthy" });
      const zdr = await deployUntil(`flip: ${tag}`);
      proxy.cut();
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 7, `${stdout}${stderr}`);
      assert.match(stderr, new RegExp(`^zdr: state: web1 serves ${old} again \\(reverted, verified\\)`, "m"));
      assert.deepEqual([await version(), await current()], [old, old]);
    });

    test("in the pre-flight: the host is asked again", async (t) => {
      const { programs } = JSON.parse(await readFile(rig.configPath, "utf8"));
      t.after(() => rig.configure({ programs }));
      await rig.configure({ programs: { shop: { ...programs.shop, check: "/bin/sleep 2" } } });
      await rig.useSample("gunicorn", { release: tag });
      const zdr = await deployUntil("web1: preflight\n");
      proxy.cut();
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.match(stderr, /the connection was lost during preflight: .*connecting again/);
      assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
      assert.equal(await version(), tag);
    });

    test("before the flip: the agent gives up, and is told again", async (t) => {
      t.after(() => rig.configure({ hooks: undefined }));
      await rig.configure({ hooks: { before_activate: [SLOW_HOOK] } });
      await rig.useSample("gunicorn", { release: tag });
      const zdr = await deployUntil("hook before_activate");
      proxy.cut();
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
      assert.equal(await version(), tag);
    });

    test("without a word, in the upload: its silence ends it on both sides, and the upload goes on", async (t) => {
      const { ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
      t.after(() => rig.configure({ ssh }));
      await rig.configure({ ssh: { ...ssh, heartbeat: "500ms", silence: "4s" } });
      await useLargeBuild();
      proxy.freezeAfter(HALF_SENT);
      const said = await ok("deploy", "--tag", tag);
      assert.match(said, /nothing was heard for .* during upload.*connecting again/);
      assert.match(said, /had arrived before/);
      assert.equal(await version(), tag);
    });

    describe("which only zdr notices, while the first try to connect again fails", () => {
      let ssh: object;
      before(async () => {
        ({ ssh } = JSON.parse(await readFile(rig.configPath, "utf8")));
      });
      beforeEach(() => rig.configure({ ssh: { ...ssh, heartbeat: "500ms", silence: "6s" } }));
      afterEach(() => rig.configure({ ssh }));
      const cutNear = async (zdr: RunningZdr) => {
        proxy.refuse(true);
        proxy.cutNear();
        await eventually(() => zdr.said().stderr.includes("try 2 of 4"), { name: "the first try has failed" });
        proxy.refuse(false);
      };

      test("after the flip: its own agent, which has the lock still, is waited for", async () => {
        await rig.useSample("gunicorn", { release: tag });
        const zdr = await deployUntil(`flip: ${tag}`);
        await cutNear(zdr);
        const { code, stdout, stderr } = await zdr.done;
        assert.equal(code, 0, `${stdout}${stderr}`);
        assert.doesNotMatch(stderr, /lock was not to be had again/);
        assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
        assert.equal(await version(), tag);
      });

      test("before the flip: the same, and the activation is told again", async (t) => {
        t.after(() => rig.configure({ hooks: undefined }));
        await rig.configure({ hooks: { before_activate: [SLOW_HOOK] } });
        await rig.useSample("gunicorn", { release: tag });
        const zdr = await deployUntil("hook before_activate");
        await cutNear(zdr);
        const { code, stdout, stderr } = await zdr.done;
        assert.equal(code, 0, `${stdout}${stderr}`);
        assert.equal(await version(), tag);
      });
    });

    test("and stays dead: after four tries zdr says so, and nothing that serves has changed", async () => {
      await useLargeBuild();
      proxy.cutAfter(HALF_SENT);
      const running = rig.startZdr(["deploy", "--tag", tag]);
      await eventually(() => running.said().stderr.includes("try 1 of 4"), { name: "it has noticed" });
      await proxy.close();
      const { code, stderr } = await running.done;
      assert.equal(code, 6, stderr);
      assert.equal(stderr.match(/connecting again/g)?.length, 4, stderr);
      assert.match(stderr, /^zdr: error: web1: cannot connect to/m);
      assert.deepEqual([await version(), await current(), await ledger()], [old, old, []]);
      // What had come waits for the next deploy of this release; any other command takes it away.
      assert.deepEqual(await incoming(), [`part-${tag}`]);
    });

    test("leaves nothing for a command that is about something else", async () => {
      await ok("reload");
      assert.deepEqual(await incoming(), []);
    });
  });
}

test("a link that dies in the pre-flight of a first deploy: the release is still there, and the deploy goes on", async (t) => {
  const rig = await startRig({ after: (clean) => t.after(clean) }, { via: "ssh" });
  const { sshd } = rig;
  assert.ok(sshd);
  const { url } = await rig.addSample("gunicorn", { ...TIMES.program, check: "/bin/sleep 2" }, TIMES.health);
  await rig.useSample("gunicorn", { release: "v1" });
  const proxy = await startDelayProxy({ target: { port: sshd.port }, oneWayMs: 0 });
  t.after(() => proxy.close());
  const { hosts, ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
  await appendFile(ssh.known_hosts, sshd.knownHostsLine({ name: `[127.0.0.1]:${proxy.port}` }));
  await rig.configure({ hosts: [{ ...hosts[0], port: proxy.port }] });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const zdr = rig.startZdr(["deploy", "--tag", "v1"]);
  await eventually(() => zdr.said().stderr.includes("web1: preflight\n"), { name: "the pre-flight" });
  proxy.cut();
  const { code, stderr } = await zdr.done;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /the connection was lost during preflight: .*connecting again/);
  assert.equal(await textAt(`${url}/version`), "v1");
});
