/** Somebody does something to supervisord in the middle of a deploy: how the command ends, and what it says of the host. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Build, type CrashHost, startCrashHost } from "../../support/crash/host.ts";
import { buildSteered } from "../../support/crash/moments.ts";
import { findLies } from "../../support/crash/truth.ts";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import type { RunningZdr } from "../../support/rig.ts";
import { type Supervisord, startSupervisord } from "../../support/supervisord.ts";

const BEFORE_THE_FLIP = "activation: release checked #1";
const AFTER_THE_SIGNAL = "program: signalled #1";
/** More than zdr waits for a supervisord that does not answer, as often as it does. */
const LONG_MS = 240_000;

describe("supervisord in the middle of a deploy", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let host: CrashHost;
  let supervisord: Supervisord;
  /** Where the section of the program stands. */
  let section: string;
  /** What served before the deploy that is disturbed, and what that is to bring. */
  let old: Build;
  let next: Build;

  before(async () => {
    const cleanup = { after: (clean: () => Promise<void>) => cleaning.push(clean) };
    host = await startCrashHost(cleanup, "gunicorn", await buildSteered(cleanup));
    supervisord = host.rig.supervisord;
    cleaning.push(async () => supervisord.stop());
    section = await sectionFile(supervisord.confDir);
    next = await deploy();
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(async () => {
    old = next;
    next = await host.nextBuild();
  });

  const restart = async () => {
    supervisord = await startSupervisord({ dir: join(host.rig.dir, "sv") });
  };
  const pidOfShop = async () => Number((await supervisord.ctl(["pid", "shop"])).stdout);
  const answer = () => textAt(`${host.url}/version`);
  /** Until no worker of the release before answers any more. */
  const isTaken = () =>
    eventually(
      async () => (await Promise.all(Array.from({ length: 10 }, answer))).every((one) => one === next.release),
      {
        name: "the new release answers",
        timeoutMs: 50_000,
      },
    );
  const current = async () => (await readlink(join(host.rig.deployTo, "current"))).replace("releases/", "");

  async function deploy(): Promise<Build> {
    const build = await host.nextBuild();
    await ok("deploy", "--tag", build.tag);
    assert.equal(await answer(), build.release);
    return build;
  }

  async function ok(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await host.rig.zdr(args, { timeoutMs: LONG_MS });
    assert.equal(code, 0, `${stdout}${stderr}`);
  }

  /** How a deploy ends, and the state that it tells, when this is done while its agent stays at a moment. */
  async function disturb(moment: string, act: () => unknown, meanwhile: (zdr: RunningZdr) => unknown = () => {}) {
    await host.moments.stopAt(moment);
    const zdr = host.rig.startZdr(["deploy", "--tag", next.tag]);
    assert.ok(await host.moments.reached(zdr.done), `${zdr.said().stdout}${zdr.said().stderr}`);
    await act();
    await host.moments.goOn();
    await meanwhile(zdr);
    const { code, stdout, stderr } = await zdr.done;
    return { code, said: `${stdout}${stderr}`, state: /^zdr: state: (.*)$/m.exec(stderr)?.[1] ?? "" };
  }

  /** The next deploy works, and the ledger is right but for the activations that were told to be stuck. */
  async function allIsWell(): Promise<void> {
    // A supervisord that restarts is away for a while.
    const isUp = async () => (await supervisord.ctl(["status", "shop"])).stdout.includes("RUNNING");
    await eventually(isUp, { name: "shop runs", timeoutMs: 60_000 });
    next = await deploy();
    assert.deepEqual(
      (await findLies(host.rig.deployTo)).filter((lie) => !lie.endsWith("is stuck")),
      [],
    );
  }

  /** Refused by name; and nobody has sent the orphan a signal. */
  async function endOrphan(pid: number): Promise<void> {
    const { tag } = await host.nextBuild();
    const { code, stderr } = await host.rig.zdr(["deploy", "--tag", tag]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, new RegExp(`pid ${pid} listens on 127\\.0\\.0\\.1:\\d+ .*no supervisord holds it`));
    assert.match(stderr, new RegExp(`^zdr: hint: {2}when it may go: kill ${pid}; then zdr restart shop$`, "m"));
    assert.ok(existsSync(`/proc/${pid}`));
    process.kill(pid, "SIGTERM");
    await eventually(() => !existsSync(`/proc/${pid}`), { name: "the orphan has ended", timeoutMs: 60_000 });
    await ok("restart");
  }

  test("killed before the flip: refused, and what it left is found beside the next supervisord, named, and not signalled", async () => {
    const orphan = await pidOfShop();
    const { code, said, state } = await disturb(BEFORE_THE_FLIP, () => process.kill(supervisord.pid, "SIGKILL"));
    assert.equal(code, 5, said);
    assert.equal(
      state,
      `web1 holds ${next.tag}, current is ${old.tag} as before, and supervisord does not say what runs`,
    );
    assert.deepEqual([await current(), await answer()], [old.tag, old.release]);
    await restart();
    await endOrphan(orphan);
    await allIsWell();
  });

  test("killed after the signal: the link goes back, and what serves by whom is told", async () => {
    const orphan = await pidOfShop();
    const { code, said, state } = await disturb(AFTER_THE_SIGNAL, async () => {
      await isTaken();
      process.kill(supervisord.pid, "SIGKILL");
    });
    assert.equal(code, 8, said);
    assert.match(
      state,
      new RegExp(
        `current names ${old.tag}, shop: supervisord does not say, pid ${orphan} listens on .* and runs ${next.tag}$`,
      ),
    );
    assert.deepEqual([await current(), await answer()], [old.tag, next.release]);
    await restart();
    await endOrphan(orphan);
    await allIsWell();
  });

  test("killed and started anew after the signal: both are told, the one that supervisord holds and the one that serves", async () => {
    const orphan = await pidOfShop();
    const { code, said, state } = await disturb(AFTER_THE_SIGNAL, async () => {
      await isTaken();
      process.kill(supervisord.pid, "SIGKILL");
      await restart();
    });
    assert.equal(code, 8, said);
    assert.match(
      state,
      new RegExp(`current names ${old.tag}, shop is [A-Z]+.*, but pid ${orphan} listens on .* and runs ${next.tag}$`),
    );
    await endOrphan(orphan);
    await allIsWell();
  });

  test("restarted before the flip: refused", async () => {
    const { code, said } = await disturb(BEFORE_THE_FLIP, () => supervisord.ctl(["reload"]));
    assert.equal(code, 5, said);
    assert.equal(await current(), old.tag);
    await allIsWell();
  });

  test("restarted after the signal: it is waited for, and the old release serves again, verified", async () => {
    const { code, said, state } = await disturb(AFTER_THE_SIGNAL, () => supervisord.ctl(["reload"]));
    assert.equal(code, 7, said);
    assert.equal(state, `web1 serves ${old.tag} again (reverted, verified)`);
    assert.deepEqual([await current(), await answer()], [old.tag, old.release]);
    await allIsWell();
  });

  test("hung before the flip: refused, and the next deploy works once it goes on", async () => {
    const hung = supervisord.pid;
    const { code, said } = await disturb(BEFORE_THE_FLIP, () => process.kill(hung, "SIGSTOP"));
    process.kill(hung, "SIGCONT");
    assert.equal(code, 5, said);
    assert.deepEqual([await current(), await answer()], [old.tag, old.release]);
    await allIsWell();
  });

  test("hung after the signal, and woken: the old release serves again, verified", async () => {
    const hung = supervisord.pid;
    const { code, said, state } = await disturb(
      AFTER_THE_SIGNAL,
      () => process.kill(hung, "SIGSTOP"),
      async (zdr) => {
        const name = "the revert has begun";
        await eventually(() => zdr.said().stderr.includes("revert: "), { name, timeoutMs: LONG_MS });
        process.kill(hung, "SIGCONT");
      },
    );
    assert.equal(code, 7, said);
    assert.equal(state, `web1 serves ${old.tag} again (reverted, verified)`);
    assert.deepEqual([await current(), await answer()], [old.tag, old.release]);
    await allIsWell();
  });

  test("shut down after the signal: nothing serves, and that is told", async () => {
    const { code, said, state } = await disturb(AFTER_THE_SIGNAL, () => supervisord.ctl(["shutdown"]));
    assert.equal(code, 8, said);
    assert.match(state, /supervisord does not say, nothing of it was found that listens$/);
    await assert.rejects(answer());
    await restart();
    await allIsWell();
  });

  test("the program's section is changed after the signal, and supervisord takes it: the old release serves again, verified", async () => {
    const text = await readFile(section, "utf8");
    const { code, said, state } = await disturb(AFTER_THE_SIGNAL, async () => {
      await writeFile(section, text.replace("[program:shop]\n", "[program:shop]\nstartretries=7\n"));
      await supervisord.ctl(["update"]);
    });
    assert.equal(code, 7, said);
    assert.equal(state, `web1 serves ${old.tag} again (reverted, verified)`);
    assert.deepEqual([await current(), await answer()], [old.tag, old.release]);
    await allIsWell();
  });

  for (const [when, moment, exit] of [
    ["before the flip", BEFORE_THE_FLIP, 5],
    ["after the signal", AFTER_THE_SIGNAL, 8],
  ] as const) {
    test(`the program is taken from supervisord ${when}: nothing serves, and that is told`, async () => {
      const text = await readFile(section, "utf8");
      const { code, said, state } = await disturb(moment, async () => {
        await writeFile(section, "");
        await supervisord.ctl(["update"]);
      });
      assert.equal(code, exit, said);
      assert.match(said, /supervisord knows no process shop/);
      if (exit === 8) assert.match(state, /shop: supervisord does not know it, nothing of it was found that listens$/);
      await writeFile(section, text);
      await supervisord.ctl(["update"]);
      await allIsWell();
    });
  }
});

async function sectionFile(folder: string): Promise<string> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await readFile(path, "utf8")).includes("[program:shop]")) return path;
  }
  throw new Error("setup has written no section");
}
