/**
 * Looking into a process of another user: denied as it should be, and proved through sudo and the root-owned helper.
 * Uses a real file in /etc/sudoers.d and a folder that is root's alone, and removes both.
 */
import assert from "node:assert/strict";
import { chmod, chown, copyFile, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { proveCommand, sudoersLine } from "../../../agent/core/process/sudoers.ts";
import { fileIdentity } from "../../../agent/io/process/processes.ts";
import { isTrustedPath } from "../../../agent/io/process/trusted.ts";
import { type Child, startChild } from "../../support/child.ts";
import type { DriverOptions } from "../../support/drivers/inspect-driver.ts";
import { run, runOk } from "../../support/processes.ts";
import { type User, userNamed } from "../../support/users.ts";

const SUDOERS = `/etc/sudoers.d/zdr-test-${process.pid}`;
let deploy: User;
let web: User;
let folder = "";
let node = "";
let proveFile = "";
let program: Child;

before(async () => {
  [deploy, web] = [await userNamed("nobody"), await userNamed("www-data")];
  folder = await mkdtemp("/var/lib/zdr-test-");
  await chmod(folder, 0o755);
  [node, proveFile] = [join(folder, "node"), join(folder, "prove.cjs")];
  await copyFile(process.execPath, node);
  await bundle("agent/prove-main.ts", proveFile);
  await bundle("test/support/drivers/inspect-driver.ts", join(folder, "driver.cjs"));
  await mkdir(join(folder, "v1/deep"), { recursive: true });
  const code = 'require("node:http").createServer(() => {}).listen(0, "127.0.0.1", () => console.log("ready"))';
  program = await startChild([node, "-e", code], { cwd: join(folder, "v1/deep"), uid: web.uid, gid: web.gid });
});

after(async () => {
  await rm(SUDOERS, { force: true });
  await program.end();
  await rm(folder, { recursive: true, force: true });
});

async function bundle(entry: string, outfile: string): Promise<void> {
  const entryPoints = [fileURLToPath(new URL(`../../../${entry}`, import.meta.url))];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "cjs", target: "node18" });
}

async function allow(line: string | undefined): Promise<void> {
  assert.ok(line);
  await writeFile(SUDOERS, `${line}\n`, { mode: 0o440 });
}

/** What the deploying user's agent sees of the program, once for each look. */
async function seenByDeploy(options: Partial<DriverOptions>) {
  const root = fileIdentity(join(folder, "v1"));
  const all: DriverOptions = { pid: program.pid, root: [`${root?.dev}`, `${root?.ino}`], ...options };
  const stdout = await runOk([node, join(folder, "driver.cjs"), JSON.stringify(all)], { ...ids(deploy), cwd: "/" });
  const looks = stdout.trim().split("\n");
  return looks.map((line) => JSON.parse(line)[0]);
}

const ids = ({ uid, gid }: User) => ({ uid, gid });

describe("a process of another user", () => {
  test("is denied to the agent, which then reports nothing of it but its pid, start and user", async () => {
    const [found] = await seenByDeploy({});
    const { startTicks, ...rest } = found;
    assert.deepEqual(rest, { pid: program.pid, uid: web.uid, denied: true, accepts: false, holds: [] });
    assert.ok(startTicks > 0);
  });

  test("is looked into by the root-owned helper, as often as it is asked, through one sudo", async () => {
    await allow(sudoersLine(deploy.name, node, proveFile));
    const looks = await seenByDeploy({ prover: { nodePath: node, proveFile }, times: 3 });
    assert.equal(looks.length, 3);
    for (const found of looks) {
      assert.deepEqual([found.denied, found.accepts, found.acceptsBy], [false, true, "epoll"]);
      assert.deepEqual([found.cwdRelease, found.holds.length, found.uid], ["v1", 1, web.uid]);
      assert.equal(found.exe.ino, `${fileIdentity(node)?.ino}`);
    }
  });

  test("stays denied where sudo refuses", async () => {
    await rm(SUDOERS, { force: true });
    const looks = await seenByDeploy({ prover: { nodePath: node, proveFile }, times: 2 });
    assert.deepEqual(
      looks.map((found) => found.denied),
      [true, true],
    );
  });

  test("stays denied where the helper could be written by somebody else than root", async () => {
    await allow(sudoersLine(deploy.name, node, proveFile));
    await chmod(proveFile, 0o664);
    try {
      const [found] = await seenByDeploy({ prover: { nodePath: node, proveFile } });
      assert.equal(found.denied, true);
    } finally {
      await chmod(proveFile, 0o644);
    }
  });

  test("stays denied where the helper is not there", async () => {
    const [found] = await seenByDeploy({ prover: { nodePath: node, proveFile: join(folder, "missing.cjs") } });
    assert.equal(found.denied, true);
  });
});

describe("the sudoers line", () => {
  const ask = (more: readonly string[] = [], env: Record<string, string> = {}) =>
    run(["sudo", "-n", "--", ...proveCommand(node, proveFile), ...more], {
      ...{ ...ids(deploy), env, cwd: "/", input: '{"v":1,"pids":[1],"roots":[]}\n' },
    });

  beforeEach(() => allow(sudoersLine(deploy.name, node, proveFile)));

  test("is accepted by visudo", async () => {
    assert.equal((await run(["visudo", "-c", "-f", SUDOERS])).code, 0);
  });

  test("allows the helper and not one argument more", async () => {
    assert.equal((await ask()).code, 0);
    const { code, stdout } = await ask(["--inspect"]);
    assert.deepEqual([code, stdout], [1, ""]);
  });

  test("keeps code out that the user's environment would load, even where sudo passes it on", async () => {
    const evil = join(folder, "evil.cjs");
    await writeFile(evil, `require("node:fs").writeFileSync(${JSON.stringify(join(folder, "evil"))}, "")`);
    const unsafe = `${deploy.name} ALL=(root) NOPASSWD: ${node} ${proveFile}`;
    await allow(`Defaults:${deploy.name} !env_reset\n${unsafe}\n${sudoersLine(deploy.name, node, proveFile)}`);
    const env = { NODE_OPTIONS: `--require=${evil}` };
    assert.equal((await ask([], env)).code, 0);
    await assert.rejects(readFile(join(folder, "evil")));
    await run(["sudo", "-n", "--", node, proveFile], { ...ids(deploy), env, cwd: "/" });
    await readFile(join(folder, "evil")); // so it is env -i that keeps it out
  });
});

describe("the helper", () => {
  const ask = async (input: string) => (await run([node, proveFile], { input, env: {} })).stdout;

  test("answers each line with one line, and ends with its input", async () => {
    const question = `{"v":1,"pids":[${process.pid}],"roots":[]}\n`;
    const answers = (await ask(question.repeat(3))).trimEnd().split("\n");
    assert.deepEqual(
      answers.map((line) => JSON.parse(line).looks[0].pid),
      [process.pid, process.pid, process.pid],
    );
  });

  test("refuses what is no question, and goes on", async () => {
    const answers = await ask('{"v":1,"pids":["/etc/shadow"],"roots":[]}\n\n{"v":1,"pids":[],"roots":[]}\n');
    assert.equal(answers, '{"v":1,"looks":null}\n{"v":1,"looks":null}\n{"v":1,"looks":[]}\n');
  });

  test("ends at a line that is too long, without an answer", async () => {
    assert.equal(await ask(`{"v":1,"pids":[${"1,".repeat(100_000)}1],"roots":[]}`), "");
  });

  test("tells no string of the process that it looks at", async () => {
    const name = "secretname";
    await copyFile("/bin/sh", join(folder, name));
    await chmod(join(folder, name), 0o755);
    const child = await startChild([join(folder, name), "-c", "echo ready; kill -STOP $$", name], { cwd: folder });
    try {
      const answer = await ask(`{"v":1,"pids":[${child.pid}],"roots":[]}\n`);
      assert.match(answer, /"seen":2/);
      assert.doesNotMatch(answer, /secret|zdr-test/);
    } finally {
      await child.end();
    }
  });

  test("is short enough to be read, and holds no code that writes a file or starts a process", async () => {
    const text = await readFile(proveFile, "utf8");
    assert.ok(text.length < 40_000, `${text.length} characters`);
    assert.doesNotMatch(text, /writeFile|createWriteStream|rename|unlink|child_process|process\.env|process\.argv/);
  });
});

describe("a path is trusted", () => {
  test("if everything on the way is root's alone", async () => {
    assert.equal(await isTrustedPath(proveFile), true);
    await symlink(proveFile, join(folder, "link.cjs"));
    assert.equal(await isTrustedPath(join(folder, "link.cjs")), true, "a link of root's to a file of root's");
  });

  test("not if anybody else could change what is there", async () => {
    const open = join(folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    const theirs = join(folder, "theirs");
    await mkdir(theirs);
    await link(proveFile, join(open, "a.cjs"));
    await link(proveFile, join(theirs, "a.cjs"));
    await symlink(proveFile, join(theirs, "link.cjs"));
    await symlink(join(theirs, "link.cjs"), join(folder, "hop.cjs"));
    await symlink("loop", join(folder, "loop"));
    await chown(theirs, deploy.uid, deploy.gid);
    await writeFile(join(folder, "owned"), "");
    await chown(join(folder, "owned"), deploy.uid, 0);
    for (const name of ["open/a.cjs", "theirs/a.cjs", "hop.cjs", "loop", "owned", "missing", "v1"]) {
      assert.equal(await isTrustedPath(join(folder, name)), false, name);
    }
  });
});
