/** A real supervisord, asked as the agent asks it: what it answers, and what becomes of trouble on the way to it. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { namespecOf, renderStatus } from "../../../agent/core/supervisor/status-text.ts";
import { FAULT, faultCode, openSupervisor, type Supervisor } from "../../../agent/io/supervisor/supervisor.ts";
import { findSupervisor } from "../../../agent/io/supervisor/supervisor-discovery.ts";
import { eventually } from "../../support/eventually.ts";
import { failureOf } from "../../support/fixtures/failures.ts";
import { freePort } from "../../support/load/free-port.ts";
import { type Supervisord, startSupervisord } from "../../support/supervisord.ts";

const SHORT = { connectMs: 2_000, answerMs: 300 };
const ODD_NAME = "é<&>😀'\"";
const PASSWORD = "pä%ss:w;rd";
/** Ignores TERM until it is killed, and says when it does so. */
const STUBBORN = `/bin/sh -c "trap '' TERM; echo deaf; while :; do sleep 0.2; done"`;
const PROGRAMS = `
[program:shop]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:${ODD_NAME}]
command=/bin/sleep 1000
autostart=false
[program:missing]
command=/nonexistent/program
autostart=false
[program:worker]
command=/bin/sleep 1000
process_name=w%(process_num)d
numprocs=2
startsecs=0
[program:stubborn]
command=${STUBBORN}
autostart=false
startsecs=0
stopwaitsecs=60
stdout_logfile=%(ENV_LOGS)s/stubborn.log
`;

async function faultOf(promise: Promise<unknown>): Promise<number | undefined> {
  return faultCode(
    await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
}

const find = (configPath: string) => findSupervisor({ config: configPath }, { cwd: "/", env: process.env });

async function reaches(supervisor: Supervisor, process: string, state: string): Promise<void> {
  await eventually(async () => (await supervisor.getProcessInfo(process)).statename === state, {
    name: `${process} is ${state}`,
  });
}

describe("a supervisord that answers", () => {
  let dir: string;
  let port: number;
  let server: Supervisord;
  let supervisor: Supervisor;

  before(async () => {
    dir = await mkdtemp("/tmp/zdr-rpc-");
    port = await freePort();
    server = await startSupervisord({
      dir,
      programs: PROGRAMS,
      inet: { port, username: "zdr", password: PASSWORD },
      env: { LOGS: dir, ZDR_TEST_CANARY: "1" },
    });
    supervisor = openSupervisor(find(server.configPath));
  });
  after(async () => {
    await server.stop();
    await rm(dir, { recursive: true });
  });

  test("says who it is", async () => {
    assert.deepEqual(await supervisor.getState(), { code: 1, name: "RUNNING" });
    assert.equal(await supervisor.getPID(), server.pid);
    assert.match(await supervisor.getSupervisorVersion(), /^\d+\.\d+/);
  });

  test("lists the processes that supervisorctl lists, in the same words", async () => {
    await reaches(supervisor, "worker:w0", "RUNNING");
    await reaches(supervisor, "worker:w1", "RUNNING");
    const ours = renderStatus(await supervisor.getAllProcessInfo(), []);
    const theirs = await server.ctl(["status"]);
    const withoutUptime = (text: string) => text.replaceAll(/uptime .*/g, "uptime");
    assert.equal(withoutUptime(ours.stdout), withoutUptime(theirs.stdout));
    assert.equal(ours.exit, theirs.code);
    assert.ok(ours.stdout.includes(`${ODD_NAME} `));
  });

  test("starts, signals and stops a program without waiting for it", async () => {
    await supervisor.startProcess("shop");
    await reaches(supervisor, "shop", "RUNNING");
    const { pid } = await supervisor.getProcessInfo("shop");
    assert.equal(await faultOf(supervisor.startProcess("shop")), FAULT.ALREADY_STARTED);
    await supervisor.signalProcess("shop", "USR1");
    await eventually(
      async () => {
        const info = await supervisor.getProcessInfo("shop");
        return info.statename === "RUNNING" && info.pid !== pid;
      },
      { name: "sleep died of USR1 and was started again" },
    );
    await supervisor.stopProcess("shop");
    await reaches(supervisor, "shop", "STOPPED");
    assert.equal(await faultOf(supervisor.stopProcess("shop")), FAULT.NOT_RUNNING);
    assert.equal(await faultOf(supervisor.signalProcess("shop", "HUP")), FAULT.NOT_RUNNING);
  });

  test("returns from a stop at once, however long the program takes", async () => {
    await supervisor.startProcess("stubborn");
    await eventually(async () => (await server.ctl(["tail", "stubborn"])).stdout.includes("deaf"), { name: "deaf" });
    await supervisor.stopProcess("stubborn");
    assert.equal((await supervisor.getProcessInfo("stubborn")).statename, "STOPPING");
    await supervisor.signalProcess("stubborn", "KILL");
    await reaches(supervisor, "stubborn", "STOPPED");
  });

  test("knows a program by a name of any characters, and says of another that it is no name", async () => {
    assert.equal(namespecOf(await supervisor.getProcessInfo(ODD_NAME)), ODD_NAME);
    for (const name of ["nosuch", "worker", "worker:nosuch", "__proto__", ""]) {
      assert.equal(await faultOf(supervisor.getProcessInfo(name)), FAULT.BAD_NAME, name);
    }
    assert.equal(await faultOf(supervisor.startProcess("missing")), FAULT.NO_FILE);
    assert.equal(await faultOf(supervisor.signalProcess("worker:w0", "NOSUCH")), FAULT.BAD_SIGNAL);
  });

  test("is not sent a name that XML cannot carry", async () => {
    assert.equal((await failureOf(supervisor.getProcessInfo("a\x1bb"))).reason, "bad-request");
  });

  test("takes a new group in, and gives it up only when it is down", async () => {
    const { pid } = await supervisor.getProcessInfo("worker:w0");
    await server.addProgram("extra", "[program:extra]\ncommand=/bin/sleep 1000\nstartsecs=0\n");
    assert.deepEqual(await supervisor.reloadConfig(), { added: ["extra"], changed: [], removed: [] });
    assert.equal(await faultOf(supervisor.addProcessGroup("nosuch")), FAULT.BAD_NAME);
    await supervisor.addProcessGroup("extra");
    assert.equal(await faultOf(supervisor.addProcessGroup("extra")), FAULT.ALREADY_ADDED);
    await reaches(supervisor, "extra", "RUNNING");
    const configs = await supervisor.getAllConfigInfo();
    assert.equal(configs.find((config) => config.name === "extra")?.command, "/bin/sleep 1000");
    assert.equal(await faultOf(supervisor.removeProcessGroup("extra")), FAULT.STILL_RUNNING);
    await supervisor.stopProcess("extra");
    await reaches(supervisor, "extra", "STOPPED");
    await supervisor.removeProcessGroup("extra");
    assert.equal(await faultOf(supervisor.getProcessInfo("extra")), FAULT.BAD_NAME);
    assert.equal((await supervisor.getProcessInfo("worker:w0")).pid, pid, "nobody else was touched");
    await rm(join(server.confDir, "extra.conf"));
  });

  test("refuses a bad config, and what it says of it does not list its environment", async () => {
    const path = join(server.confDir, "bad.conf");
    await writeFile(path, "[program:bad]\ncommand=/bin/echo %(ENV_NOSUCH)s\n");
    const failure = await failureOf(supervisor.reloadConfig());
    await rm(path);
    assert.ok(failure.reason === "supervisor-fault" && failure.code === FAULT.CANT_REREAD);
    assert.match(failure.text, /ENV_NOSUCH/);
    assert.doesNotMatch(failure.text, /CANARY/);
  });

  test("answers many at once", async () => {
    const pids = await Promise.all(Array.from({ length: 50 }, () => supervisor.getPID()));
    assert.deepEqual(new Set(pids), new Set([server.pid]));
  });

  test("answers on a port too, to who knows the password, and to nobody else", async () => {
    const url = `http://localhost:${port}`;
    const context = { cwd: "/", env: {} };
    const as = (credentials: { username?: string; password?: string }) =>
      openSupervisor(findSupervisor({ url, ...credentials }, context)).getPID();
    assert.equal(await as({ username: "zdr", password: PASSWORD }), server.pid);
    for (const credentials of [{}, { username: "zdr" }, { username: "zdr", password: "wrong" }]) {
      assert.deepEqual(await failureOf(as(credentials)), { reason: "supervisor-unauthorized", url });
    }
  });

  test("is not permitted to a user whom the socket's mode keeps out", async () => {
    await chmod(server.socket, 0);
    const failure = await asUnprivileged(() => failureOf(supervisor.getState()));
    await chmod(server.socket, 0o700);
    assert.equal(failure.reason, "supervisor-not-permitted");
    assert.equal((await supervisor.getState()).name, "RUNNING");
  });

  test("that was stopped by a signal is called silent, and answers when it goes on", async () => {
    const impatient = openSupervisor(find(server.configPath), SHORT);
    process.kill(server.pid, "SIGSTOP");
    try {
      const url = `unix://${server.socket}`;
      const expected = { reason: "supervisor-silent", url, timeoutMs: SHORT.answerMs };
      assert.deepEqual(await failureOf(impatient.getState()), expected);
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    assert.equal(await supervisor.getPID(), server.pid);
  });

  test("still answers after it has restarted itself, because no connection is kept", async () => {
    await server.ctl(["reload"]);
    await eventually(async () => (await server.log()).split("supervisord started").length > 2, { name: "restarted" });
    assert.equal(await eventually(() => supervisor.getPID(), { name: "an answer" }), server.pid);
  });
});

describe("a supervisord that is going or gone", () => {
  test("says that it shuts down, then leaves a socket that nobody answers, then none", async (t) => {
    const dir = await mkdtemp("/tmp/zdr-rpc-");
    const server = await startSupervisord({ dir, programs: PROGRAMS, env: { LOGS: dir } });
    t.after(async () => {
      await server.stop();
      await rm(dir, { recursive: true });
    });
    const supervisor = openSupervisor(find(server.configPath));
    const url = `unix://${server.socket}`;
    await supervisor.startProcess("stubborn");
    await eventually(async () => (await server.ctl(["tail", "stubborn"])).stdout.includes("deaf"), { name: "deaf" });

    process.kill(server.pid, "SIGTERM");
    await eventually(
      async () => {
        const state = supervisor.getState();
        return (
          (await state.then(
            () => "running",
            () => "failed",
          )) === "failed"
        );
      },
      { name: "it shuts down" },
    );
    assert.deepEqual(await failureOf(supervisor.getState()), { reason: "supervisor-shutting-down", url });
    assert.deepEqual(await failureOf(supervisor.getAllProcessInfo()), { reason: "supervisor-shutting-down", url });

    process.kill(server.pid, "SIGKILL");
    await eventually(async () => (await failureOf(supervisor.getState())).reason === "supervisor-not-running", {
      name: "it is dead",
    });
    const refused = { reason: "supervisor-not-running", url, code: "ECONNREFUSED", config: server.configPath };
    assert.deepEqual(await failureOf(supervisor.getState()), refused);
    await rm(server.socket);
    assert.deepEqual(await failureOf(supervisor.getState()), { ...refused, code: "ENOENT" });
  });
});

/** Root passes every mode, so it steps down for the call. */
async function asUnprivileged<Result>(call: () => Promise<Result>): Promise<Result> {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined || geteuid() !== 0) return await call();
  seteuid(65_534);
  try {
    return await call();
  } finally {
    seteuid(0);
  }
}
