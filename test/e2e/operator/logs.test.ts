/** What programs have logged, of two hosts at once, as it comes. */
import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { assertTold } from "../../support/wrong-world.ts";

describe("zdr logs", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let log: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    // The programs themselves only sleep: the test writes the file that supervisor would.
    log = join(rig.dir, "shop.log");
    await addPrograms(
      rig,
      `[program:shop]
command=sleep 100000
redirect_stderr=true
stdout_logfile=${log}
stdout_logfile_maxbytes=0
[program:mute]
command=sleep 100000
stdout_logfile=NONE
stderr_logfile=NONE
`,
    );
    const program = { command: "bin/shop", reload: "restart" };
    const { host: address, port } = rig.sshd ?? { host: "", port: 0 };
    const web1 = { name: "web1", address, port, user: userInfo().username };
    await rig.configure({ programs: { shop: program, mute: program }, hosts: ["local", web1] });
    await writeFile(log, "one\ntwo\nthree\n");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  test("the last lines of each program come with the names of host and program", async () => {
    const { code, stdout, stderr } = await rig.zdr(["logs", "shop", "-n", "2", "--host", "local"]);
    assert.deepEqual([code, stdout, stderr], [0, "local: shop: two\nlocal: shop: three\n", ""]);
  });

  test("all hosts are asked, and a program without a log is told", async () => {
    const { code, stdout, stderr } = await rig.zdr(["logs", "-n", "1"]);
    assert.deepEqual([code, stdout], [0, "local: shop: three\nweb1: shop: three\n"]);
    assert.match(stderr, /warning: web1: mute: supervisor keeps no log of it/);
  });

  test("-f goes on with what comes, over a rotation, until Ctrl-C", async () => {
    const running = rig.startZdr(["logs", "-f", "shop", "-n", "1", "--host", "local"]);
    const said = () => running.said().stdout;
    await eventually(() => said().includes("shop: three\n"), { name: "the line three" });
    await appendFile(log, "four\n");
    await eventually(() => said().includes("shop: four\n"), { name: "the line four" });
    await appendFile(log, "last of the old file\n");
    await rename(log, `${log}.1`);
    await writeFile(log, "first of the new file\n");
    await eventually(() => said().includes("first of the new file\n"), { name: "the line after the rotation" });
    running.kill("SIGINT");
    const { code } = await running.done;
    assert.equal(code, 130);
    assert.deepEqual(
      said()
        .split("\n")
        .map((line) => line.replace("local: shop: ", "")),
      ["three", "four", "last of the old file", "first of the new file", ""],
    );
  });

  test("-f ends when its reader has gone and another line comes, and that is no failure", async () => {
    const running = rig.startZdr(["logs", "-f", "shop", "-n", "1", "--host", "local"]);
    await eventually(() => running.said().stdout.includes("first of the new file\n"), { name: "the first line" });
    running.stopReading();
    await appendFile(log, "nobody reads this\n");
    const { code, stderr } = await running.done;
    assert.deepEqual([code, stderr], [0, ""]);
    await writeFile(log, "first of the new file\n");
  });

  test("--json has one event for each line", async () => {
    const { stdout } = await rig.zdr(["logs", "shop", "-n", "1", "--host", "local", "--json"]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    assert.deepEqual(
      events.filter(({ event }) => event === "log"),
      [{ event: "log", host: "local", process: "shop", stream: "stdout", line: "first of the new file" }],
    );
  });

  test("a program that deploy.yml does not have and a number that is none are refused", async () => {
    assertTold(await rig.zdr(["logs", "shoop"]), { exit: 2, error: /no program named "shoop"/, hint: /shop/ });
    assertTold(await rig.zdr(["logs", "-n", "all"]), { exit: 2, error: /is no number/ });
  });

  test("-f says at once of which hosts nothing is to be heard, while it follows the others", async () => {
    const { hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
    await rig.configure({ hosts: [...hosts, { name: "gone", address: "127.0.0.1", port: 1 }] });
    const running = rig.startZdr(["logs", "-f", "shop", "-n", "1"]);
    const said = () => running.said();
    await eventually(() => /warning: gone: is not followed: cannot connect to /.test(said().stderr), { name: "gone" });
    await eventually(() => said().stdout.includes("web1: shop: "), { name: "a line of web1" });
    await rig.sshd?.stop();
    await eventually(() => /warning: web1: is followed no longer: the connection was lost/.test(said().stderr), {
      name: "web1's end",
    });
    await appendFile(log, "five\n");
    await eventually(() => said().stdout.includes("local: shop: five\n"), { name: "the next line of local" });
    running.kill("SIGINT");
    assert.equal((await running.done).code, 130);
  });
});

for (const [what, close] of [
  ["a log", async (log: string) => chmod(log, 0o600)],
  ["a folder of logs", async (log: string) => chmod(dirname(log), 0o700)],
] as const) {
  test(`${what} that only root may read comes through supervisord, and what follows too`, async (t) => {
    const rig = await startRig(t, { user: "nobody", supervisord: { socketMode: "0777" } });
    await chmod(join(rig.dir, "sv"), 0o755);
    const log = join(rig.dir, "logs/shop.log");
    await mkdir(dirname(log));
    const command = "sh -c 'echo wöhn; echo zwo; exec sleep 100000'";
    await addPrograms(rig, `[program:shop]\ncommand=${command}\nstdout_logfile=${log}\nredirect_stderr=true\n`);
    await rig.configure({ programs: { shop: { command: "bin/shop", reload: "restart" } } });
    await close(log);
    const both = "local: shop: wöhn\nlocal: shop: zwo\n";
    await eventually(async () => (await rig.zdr(["logs"])).stdout === both, { name: "both lines" });
    const running = rig.startZdr(["logs", "-f", "-n", "1"]);
    await eventually(() => running.said().stdout === "local: shop: zwo\n", { name: "the last line" });
    await appendFile(log, "drei\n");
    await eventually(() => running.said().stdout === "local: shop: zwo\nlocal: shop: drei\n", {
      name: "the next line",
    });
    running.kill("SIGINT");
    assert.equal((await running.done).code, 130);
  });
}

test("while supervisord is down, logs come from where its config says, and releases say what is there", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("node-plain", { watch: 0 });
  await rig.useSample("node-plain", { release: "v1" });
  for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
    const { code, stderr } = await rig.zdr(args);
    assert.equal(code, 0, stderr);
  }
  const logs = join(rig.dir, "sv/log");
  const [name = ""] = (await readdir(logs)).filter((one) => one.startsWith("shop-stdout---"));
  await appendFile(join(logs, name), "its last words\n");
  await rig.supervisord.stop();
  const told = await rig.zdr(["logs", "-n", "1"]);
  assert.deepEqual([told.code, told.stdout], [0, "local: shop: its last words\n"]);
  assert.match(told.stderr, /warning: local: shop: supervisord does not answer; its config says where this log is/);
  const { code, stdout, stderr } = await rig.zdr(["releases"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\* +v1 +good /);
  assert.match(stderr, /warning: local: supervisord does not answer at unix:.*, so what the programs run is not known/);
});

async function addPrograms(rig: Rig, text: string): Promise<void> {
  await rig.supervisord.addProgram("more", text);
  await rig.supervisord.ctl(["update"]);
}
