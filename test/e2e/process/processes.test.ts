/** Looking into processes, against real ones. */
import assert from "node:assert/strict";
import { chmod, copyFile, link, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type Inspection, inspectProcesses } from "../../../agent/io/process/inspect.ts";
import {
  bootId,
  descendants,
  fileIdentity,
  identityOf,
  listProcesses,
  liveness,
  pidNamespace,
  programPids,
  readProcess,
} from "../../../agent/io/process/processes.ts";
import { type Child, type ChildOptions, startChild } from "../../support/child.ts";
import { eventually } from "../../support/eventually.ts";
import { runOk } from "../../support/processes.ts";

let folder = "";
const children: Child[] = [];

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "zdr-processes-")));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.end();
});
after(() => rm(folder, { recursive: true, force: true }));

async function start(command: readonly [string, ...string[]], options: ChildOptions = {}): Promise<Child> {
  const child = await startChild(command, { cwd: folder, ...options });
  children.push(child);
  return child;
}

const python = (code: string) => start(["python3", "-u", "-c", `import os, select, socket, threading, time\n${code}`]);

async function inspectOne(pid: number, wants: Parameters<typeof inspectProcesses>[1] = []): Promise<Inspection> {
  const [found] = await inspectProcesses([pid], wants);
  assert.ok(found, `pid ${pid} is there`);
  return found;
}

/** What is a fact of the moment is awaited. */
function accepting(pid: number): Promise<Inspection> {
  return eventually(
    async () => {
      const found = await inspectOne(pid);
      return found.accepts && found;
    },
    { name: `pid ${pid} accepts` },
  );
}

const TCP = 's = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()\n';

describe("who accepts", () => {
  test("a Node server, by its epoll set, on IPv4, IPv6 and unix sockets alike", async () => {
    const code = `
      const http = require("node:http");
      const listen = (...to) => new Promise((done) => http.createServer(() => {}).listen(...to, done));
      Promise.all([listen(0, "127.0.0.1"), listen(0, "::1"), listen("node.sock")]).then(() => console.log("ready"));`;
    const { pid } = await start([process.execPath, "-e", code]);
    const found = await inspectOne(pid);
    assert.deepEqual([found.accepts, found.acceptsBy, found.holds.length], [true, "epoll", 3]);
  });

  test("a server that is busy in its own code, if it has an epoll set", async () => {
    // libuv adds the socket to its set when it first waits, and what setImmediate was given comes right after that.
    const code = `require("node:http").createServer(() => {}).listen(0, "127.0.0.1", () => setImmediate(() => {
      console.log("ready");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }));`;
    const { pid } = await start([process.execPath, "-e", code]);
    assert.equal((await inspectOne(pid)).accepts, true);
  });

  for (const [name, by, code] of [
    ["accept", "accept", "s.accept()"],
    ["accept on a unix socket", "accept", 'u = socket.socket(socket.AF_UNIX); u.bind("u"); u.listen(); u.accept()'],
    ["accept in a thread", "accept", "threading.Thread(target=s.accept).start(); time.sleep(1000)"],
    ["select", "select", "select.select([s, *os.pipe()[:1]], [], [])"],
    ["poll", "poll", "p = select.poll(); p.register(s, select.POLLIN); p.poll()"],
    ["accept with a timeout, which waits in poll", "poll", "s.settimeout(1000); s.accept()"],
  ] as const) {
    test(`a process that waits in ${name}`, async () => {
      const { pid } = await python(`${TCP}print("ready")\n${code}`);
      assert.equal((await accepting(pid)).acceptsBy, by);
    });
  }

  for (const [name, code] of [
    ["sleeps", "time.sleep(1000)"],
    ["waits in select for something else", "select.select([os.pipe()[0]], [], [])"],
    ["waits in poll to write to it", "p = select.poll(); p.register(s, 0); p.poll()"],
  ] as const) {
    test(`not a process that listens and ${name}`, async () => {
      const { pid } = await python(`${TCP}print("ready")\n${code}`);
      for (let look = 0; look < 5; look++) {
        const found = await inspectOne(pid);
        assert.deepEqual([found.accepts, found.denied, found.holds.length], [false, false, 1]);
      }
    });
  }

  test("not a process whose sockets are connected and bound, but do not listen", async () => {
    const code = `${TCP}c = socket.create_connection(s.getsockname()); d, _ = s.accept(); s.close(); b = socket.socket(); b.bind(("127.0.0.1", 0))
print("ready")
time.sleep(1000)`;
    const { pid } = await python(code);
    const found = await inspectOne(pid);
    assert.deepEqual([found.accepts, found.holds], [false, []]);
  });
});

describe("gunicorn's master holds the socket for its workers, and only they accept", () => {
  const APP = `def app(environ, start):
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`;
  for (const [worker, by] of [
    ["sync", "select"],
    ["gthread", "epoll"],
  ] as const) {
    test(`with ${worker} workers`, async () => {
      await writeFile(join(folder, "app.py"), APP);
      const gunicorn = ["gunicorn", "-w", "2", "-k", worker, "--threads", worker === "sync" ? "1" : "2"];
      // gunicorn speaks on stderr.
      const master = await start(["sh", "-c", 'exec "$@" 2>&1', "sh", ...gunicorn, "-b", "127.0.0.1:0", "app:app"]);
      const found = await eventually(
        async () => {
          const all = await inspectProcesses(programPids(master.pid), []);
          return all.filter((process) => process.accepts).length === 2 && all;
        },
        { name: "two workers accept" },
      );
      assert.equal(found.length, 3);
      assert.equal(new Set(found.flatMap((process) => process.holds)).size, 1, "all hold the same socket");
      for (const process of found) {
        assert.equal(process.acceptsBy, process.pid === master.pid ? undefined : by);
      }
    });
  }
});

describe("which release a process runs", () => {
  async function release(tag: string): Promise<{ root: string; binary: string }> {
    const root = join(folder, "releases", tag);
    await mkdir(join(root, "bin/deep/deeper"), { recursive: true });
    const binary = join(root, "bin/app");
    await copyFile("/bin/sh", binary);
    return { root, binary };
  }
  const wants = (...tags: string[]) =>
    tags.map((tag) => {
      const root = join(folder, "releases", tag);
      return { tag, root: fileIdentity(root), binary: fileIdentity(join(root, "bin/app")) };
    });
  /** A shell of its own file that stays. */
  const runs = (binary: string, options: ChildOptions = {}) =>
    start([binary, "-c", "echo ready; kill -STOP $$"], options);

  test("is told also where somebody has put a folder among the releases that is closed to this user", async () => {
    const { root } = await release("closed");
    await chmod(root, 0o700);
    await chmod(folder, 0o755);
    process.seteuid?.("nobody");
    try {
      assert.deepEqual(wants("closed"), [{ tag: "closed", root: fileIdentity(root), binary: undefined }]);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("is told by the file that it executes, through links and after that file was replaced", async () => {
    const v1 = await release("v1");
    const v2 = await release("v2");
    await symlink("releases/v1", join(folder, "current"));
    const { pid } = await runs(join(folder, "current/bin/app"));
    assert.equal((await inspectOne(pid, wants("v1", "v2"))).exeRelease, "v1");
    await rm(join(folder, "current"));
    await symlink("releases/v2", join(folder, "current"));
    assert.equal((await inspectOne(pid, wants("v1", "v2"))).exeRelease, "v1");
    // The same name, the same bytes, another file.
    await copyFile(v2.binary, `${v1.binary}.new`);
    await rename(`${v1.binary}.new`, v1.binary);
    const found = await inspectOne(pid, wants("v1", "v2"));
    assert.equal(found.exeRelease, undefined);
    assert.equal(found.exe?.isDeleted, true);
  });

  test("is told for a slot, which is a hard link of the release's binary", async () => {
    const { binary } = await release("v3");
    await mkdir(join(folder, "run"), { recursive: true });
    await link(binary, join(folder, "run/app"));
    const { pid } = await runs(join(folder, "run/app"));
    const found = await inspectOne(pid, wants("v3"));
    assert.deepEqual([found.exeRelease, found.cwdRelease], ["v3", undefined]);
  });

  test("is told by the folder that it stands in, at any depth, never by names", async () => {
    const { root } = await release("v4");
    await release("v40");
    const { pid } = await runs("/bin/sh", { cwd: join(root, "bin/deep/deeper") });
    assert.equal((await inspectOne(pid, wants("v40", "v4"))).cwdRelease, "v4");
    await rename(root, join(folder, "releases/v5"));
    await rename(join(folder, "releases/v40"), root);
    assert.equal((await inspectOne(pid, wants("v4", "v5"))).cwdRelease, "v5");
  });

  test("is none when it stands beside the releases, or in one that was removed", async () => {
    const { root } = await release("v6");
    const beside = await runs("/bin/sh", { cwd: join(folder, "releases") });
    assert.equal((await inspectOne(beside.pid, wants("v6"))).cwdRelease, undefined);
    const inside = await runs("/bin/sh", { cwd: root });
    await rm(root, { recursive: true });
    await release("v6");
    const found = await inspectOne(inside.pid, wants("v6"));
    assert.deepEqual([found.cwdRelease, found.cwd?.isDeleted], [undefined, true]);
  });
});

describe("processes", () => {
  const STAY = "echo ready; exec sleep 1000";

  test("are read with their parent, group, user and start", async () => {
    const { pid } = await start(["sh", "-c", STAY], { uid: 65534, gid: 65534, detached: true, cwd: "/" });
    const found = readProcess(pid);
    assert.deepEqual([found?.ppid, found?.pgrp, found?.uid, found?.isZombie], [process.pid, pid, 65534, false]);
    assert.deepEqual(found?.uids, { real: 65534, effective: 65534, saved: 65534 });
    assert.equal(readProcess(pid)?.startTicks, found?.startTicks);
    assert.ok(listProcesses().some((other) => other.pid === pid));
  });

  test("are found as descendants, with all that they started", async () => {
    const { pid, said } = await start(["sh", "-c", "sh -c 'sleep 1000 & echo $!; wait' & wait"]);
    const found = descendants(pid).map((process) => process.pid);
    assert.ok(found.includes(Number(said)) && found.length === 2 && !found.includes(pid));
    for (const child of found) process.kill(child, "SIGKILL");
  });

  test("of a program are still found when their parent has died, by the process group", async () => {
    const { pid, said } = await start(["sh", "-c", "sh -c 'sleep 1000 & echo $!'; exec sleep 1000"], {
      detached: true,
    });
    const orphan = Number(said);
    const isChild = () => descendants(pid).some((process) => process.pid === orphan);
    await eventually(() => readProcess(orphan) !== undefined && !isChild(), { name: "its parent has died" });
    assert.ok(programPids(pid).includes(orphan));
    process.kill(orphan, "SIGKILL");
  });

  test("that have ended are gone, also while their parent has not waited for them", async () => {
    const { said } = await start([
      "python3",
      "-uc",
      "import os, time\nchild = os.fork() or os._exit(0)\nprint(child)\ntime.sleep(1000)",
    ]);
    const zombie = Number(said);
    await eventually(() => readProcess(zombie)?.isZombie, { name: "a zombie" });
    assert.deepEqual(await inspectProcesses([zombie, 4_194_303], []), []);
    const identity = identityOf(zombie);
    assert.equal(identity && liveness(identity), "gone");
  });

  test("that /proc hides are denied, not gone", async () => {
    const empty = join(folder, "proc");
    await mkdir(empty);
    const [found] = await inspectProcesses([process.pid], [], { root: empty });
    assert.deepEqual([found?.pid, found?.denied], [process.pid, true]);
    assert.deepEqual(await inspectProcesses([4_194_303], [], { root: empty }), []);
  });

  test("are the same one only with the same start, boot and pid namespace", async () => {
    const { pid } = await start(["sh", "-c", STAY]);
    const identity = identityOf(pid);
    assert.ok(identity);
    assert.equal(liveness(identity), "alive");
    assert.equal(liveness({ ...identity, startTicks: identity.startTicks - 1 }), "gone", "the pid was used again");
    assert.equal(liveness({ ...identity, bootId: "another" }), "gone");
    assert.equal(liveness({ ...identity, pidNamespace: 1 }), "unknown");
    assert.deepEqual([identity.bootId, identity.pidNamespace], [bootId(), pidNamespace()]);
    await children.at(-1)?.end();
    assert.equal(liveness(identity), "gone");
  });
});

test("how old a process is does not depend on the uptime of a container, which /proc may show in the place of the kernel's", async () => {
  const shown = join(folder, "uptime");
  await writeFile(shown, "5.00 5.00\n");
  const processes = new URL("../../../agent/io/process/processes.ts", import.meta.url).href;
  const code = `import(${JSON.stringify(processes)}).then(({ ageMs, readProcess }) => {
    process.stdout.write(ageMs(readProcess(process.ppid)) - ageMs(readProcess(process.pid)) + " " + ageMs(readProcess(process.pid)));
  })`;
  const mounted = `mount --bind ${shown} /proc/uptime && exec "$0" "$@"`;
  const parent =
    "import { execFileSync } from 'node:child_process'; setTimeout(() => process.stdout.write(execFileSync(process.execPath, ['-e', process.argv[1]])), 50);";
  const words = ["--input-type=module", "-e", parent, code];
  const said = await runOk(["unshare", "--mount", "sh", "-c", mounted, process.execPath, ...words]);
  const [older = 0, own = -1] = said.split(" ").map(Number);
  assert.ok(older >= 40 && own >= 0, said);
  assert.ok(own < 10 * 60_000 && older < 10 * 60_000, said);
});
