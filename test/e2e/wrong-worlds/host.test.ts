/**
 * Hosts on which a deploy can not go on. Each is refused before anything is changed, in words that say what to do; the
 * release that serves is not touched; and once the world is right again, the same command works.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, lstat, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/load/free-port.ts";
import { run, runOk } from "../../support/processes.ts";
import { type ConfigParts, type Rig, startRig } from "../../support/rig.ts";
import { buildSample } from "../../support/samples.ts";
import { assertServes, assertTold } from "../../support/wrong-world.ts";

const SERVING = { tag: "v1", answer: "v1" };
const PASSWORD = "correct%horse";

describe("a host with a release that serves", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url = "";
  let config: ConfigParts;
  let inetPort = 0;

  const deploy = (tag = "v2") => rig.zdr(["deploy", "--tag", tag]);
  const current = () => join(rig.deployTo, "current");

  before(async () => {
    inetPort = await freePort();
    const inet = { port: inetPort, username: "zdr", password: PASSWORD };
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) }, { supervisord: { inet } });
    ({ url } = await rig.addSample("go-plain", { start_seconds: 1, watch: "300ms" }));
    await rig.useSample("go-plain", { release: "v1" });
    config = JSON.parse(await readFile(rig.configPath, "utf8"));
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    await rig.useSample("go-plain", { release: "v2" });
    config = JSON.parse(await readFile(rig.configPath, "utf8"));
  });
  afterEach(async () => {
    await rig.configure(config);
    await assertServes(rig, url, SERVING);
    // Nothing of what was refused is under way, and no release came to be.
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), ["v1"]);
    assert.deepEqual(await readdir(join(rig.deployTo, ".zdr/incoming")).catch(() => []), []);
  });
  after(async () => {
    for (const clean of cleanUps) await clean();
  });

  test("is left alone after a build command that fails", async () => {
    await rig.configure({ build: { run: "echo no compiler >&2; exit 7", path: "nothing" } });
    const error = /build command \(build\.run\) ended with exit code 7/;
    assertTold(await deploy(), { exit: 5, error, hint: /by hand/ });
  });

  describe("and trouble with supervisord", () => {
    test("that does not run is told with its socket", async () => {
      const url = `unix://${rig.dir}/none.sock`;
      await rig.configure({ supervisor: { url } });
      const error = /local: supervisord does not answer at unix:.*none\.sock: there is no such socket/;
      assertTold(await deploy(), {
        exit: 5,
        error,
        state: /local was not touched/,
        hint: /systemctl start supervisor/,
      });
    });

    test("whose socket is a leftover is told that nobody listens", async () => {
      const socket = join(rig.dir, "left.sock");
      await leaveSocket(socket);
      await rig.configure({ supervisor: { url: `unix://${socket}` } });
      assertTold(await deploy(), { exit: 5, error: /nobody listens there \(ECONNREFUSED\)/, state: /not touched/ });
    });

    test("that is something else is told apart from supervisord", async () => {
      const server = await answerWith("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
      await rig.configure({ supervisor: { url: `http://127.0.0.1:${server.port}` } });
      assertTold(await deploy(), { exit: 5, error: /does not speak as supervisord does/, state: /not touched/ });
      await server.close();
    });

    test("that wants another password is told, and no password is", async () => {
      const password = "battery-staple";
      const supervisor = { url: `http://127.0.0.1:${inetPort}`, username: "zdr", password };
      await rig.configure({ supervisor });
      const result = await deploy();
      assertTold(result, { exit: 5, error: /refuses the user name or the password/, hint: /supervisor\.password/ });
      assert.doesNotMatch(`${result.stdout}${result.stderr}`, /battery-staple|correct/);
    });

    test("that does not know the program is told, with zdr setup to add it", async () => {
      const shop = (config.programs as Record<string, ConfigParts>).shop;
      await rig.configure({ programs: { shop: { ...shop, process: "other" } } });
      assertTold(await deploy(), { exit: 5, error: /"shop": supervisord knows no process other/, hint: /zdr setup/ });
    });

    test("whose config file is not there is told with its path", async () => {
      await rig.configure({ supervisor: { config: join(rig.dir, "none.conf") } });
      assertTold(await deploy(), { exit: 5, error: /none\.conf cannot be used: there is no such file/ });
    });
  });

  describe("and trouble with current", () => {
    afterEach(async () => {
      await rename(`${current()}.aside`, current());
    });

    test("which is a real folder: it is left as it is", async () => {
      await rename(current(), `${current()}.aside`);
      await mkdir(current());
      await writeFile(join(current(), "precious"), "");
      const error = /current is a real file or folder and not a link/;
      assertTold(await deploy(), { exit: 5, error, state: /not touched/, hint: /mv .*current/ });
      assert.ok((await lstat(join(current(), "precious"))).isFile());
      await rm(current(), { recursive: true });
    });

    test("which leads elsewhere: it is left as it is", async () => {
      await rename(current(), `${current()}.aside`);
      await symlink("/usr/share", current());
      assertTold(await deploy(), {
        exit: 5,
        error: /current points to \/usr\/share, which is no release/,
        hint: /ls -l/,
      });
      await rm(current());
    });
  });

  test("a tag that is taken by other content is refused, and its content stays", async () => {
    const there = await readFile(join(rig.deployTo, "releases/v1/bin/shop"));
    const error = /release v1 is there with other content .*a release never changes/;
    assertTold(await deploy("v1"), { exit: 5, error, state: /not touched/, hint: /another tag/ });
    assert.ok((await readFile(join(rig.deployTo, "releases/v1/bin/shop"))).equals(there));
  });
});

test("a command that comes while another is at work is told who holds the host, since when and why", async (t) => {
  const rig = await startRig({ after: (clean) => t.after(clean) });
  const { url } = await rig.addSample("go-plain", {
    ...{ start_seconds: 1, watch: "300ms" },
    // The check waits for a file, and so does whoever comes second.
    check: ["/bin/sh", "-c", `until [ -e ${rig.dir}/go-on ]; do sleep 0.05; done`],
  });
  await rig.useSample("go-plain", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const first = rig.startZdr(["deploy", "--tag", "v1"], { env: { GITHUB_ACTOR: "alice" } });
  await eventually(() => first.said().stderr.includes("local: preflight"), { name: "the first one is at work" });
  const second = await rig.zdr(["deploy", "--tag", "v1"]);
  const error = /another command holds the lock: alice@.* since 20\d\d-.*Z \(deploy v1, pid \d+\)/;
  assertTold(second, { exit: 3, error, state: /not touched/, hint: /wait for it: .*--wait/ });
  await writeFile(join(rig.dir, "go-on"), "");
  assert.equal((await first.done).code, 0);
  assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
  await assertServes(rig, url, SERVING);
});

describe("a disk that is too small", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url = "";
  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
    await runOk(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0755", "zdr-test", rig.deployTo]);
    cleanUps.push(async () => void (await runOk(["umount", "--lazy", rig.deployTo])));
    ({ url } = await rig.addSample("go-plain", { start_seconds: 1, watch: "300ms" }));
    await rig.useSample("go-plain", { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) assert.equal((await rig.zdr(args)).code, 0);
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });

  test("for a build is told with what it needs and what there is, before anything is sent", async () => {
    const path = join(rig.dir, "large");
    await cp(await buildSample("go-plain", { release: "v2" }), path, { recursive: true });
    await writeFile(join(path, "data"), "");
    await truncate(join(path, "data"), 60_000_000);
    await rig.configure({ build: { path } });
    const error = /releases needs \d+\.\d MB but has \d+\.\d MB free/;
    assertTold(await rig.zdr(["deploy", "--tag", "v2"]), { exit: 5, error, state: /not touched/, hint: /df -h/ });
    await assertServes(rig, url, SERVING);
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), ["v1"]);
  });

  test("for anything more is told too, and once there is room the deploy works", async () => {
    const filler = join(rig.deployTo, "filler");
    await run(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"]);
    await rig.useSample("go-plain", { release: "v2" });
    for (const args of [
      ["deploy", "--tag", "v2"],
      ["rollback", "--to", "v1"],
    ]) {
      assertTold(await rig.zdr(args), {
        exit: 5,
        error: /no space is left on the disk for .*\.zdr/,
        state: /not touched/,
        hint: /df -h/,
      });
    }
    assert.equal((await rig.zdr(["status"])).code, 0);
    await assertServes(rig, url, SERVING);
    await rm(filler);
    assert.equal((await rig.zdr(["deploy", "--tag", "v2"])).code, 0);
    await assertServes(rig, url, { tag: "v2", answer: "v2" });
  });
});

/** A socket file that nobody listens on, as a supervisord that was killed leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const listen = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  const child = spawn(process.execPath, ["-e", listen, path], { stdio: "ignore" });
  await once(child, "exit");
  assert.ok((await lstat(path)).isSocket());
}

async function answerWith(text: string): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(text));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
