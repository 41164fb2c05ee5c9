/**
 * A host loses its power in the middle of a deploy and comes up again: every process is gone, supervisord is started anew
 * and starts what it finds, and the lock is of another boot.
 */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CrashHost, startCrashHost } from "../../support/crash/host.ts";
import { buildSteered } from "../../support/crash/moments.ts";
import { findLies } from "../../support/crash/truth.ts";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Supervisord, startSupervisord } from "../../support/supervisord.ts";

/** How it looks on the host when the power fails, and what the next command says of it. */
const MOMENTS = [
  ["lock: linked #1", "nothing was begun"],
  ["incoming: file written #1", "nothing was begun"],
  ["release: published #1", "nothing was begun"],
  ["ledger: activating synced #1", "before the flip"],
  ["flip: renamed #1", "cut short"],
  ["slot: linked #1", "cut short"],
  ["program: signalled #1", "cut short"],
  ["ledger: good written #1", "nothing was begun"],
  ["prune: moved away #1", "nothing was begun"],
] as const;

describe("a host that loses its power in the middle of a deploy", () => {
  const cleaning: (() => Promise<void>)[] = [];
  const cleanup = { after: (clean: () => Promise<void>) => cleaning.push(clean) };
  let host: CrashHost;
  let supervisord: Supervisord;

  before(async () => {
    host = await startCrashHost(cleanup, "go-overseer", await buildSteered(cleanup));
    supervisord = host.rig.supervisord;
    cleaning.push(async () => supervisord.stop());
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const zdrFolder = () => join(host.rig.deployTo, ".zdr");

  /** Nothing of the old boot lives, and the lock names a boot that is over. */
  async function reboot(): Promise<void> {
    await supervisord.stop();
    for (const name of await readdir(zdrFolder())) {
      if (!name.startsWith("lock.")) continue;
      const path = join(zdrFolder(), name);
      const holder = JSON.parse(await readFile(path, "utf8")) as object;
      // The pid of a process that lives, as may well be after a boot.
      await writeFile(path, JSON.stringify({ ...holder, pid: process.pid, bootId: "of-the-boot-before" }));
    }
    supervisord = await startSupervisord({ dir: join(host.rig.dir, "sv") });
    await eventually(async () => (await supervisord.ctl(["status", "shop"])).stdout.includes("RUNNING"), {
      name: "shop runs after the boot",
      timeoutMs: 60_000,
    });
  }

  async function deployNext() {
    const { tag, release } = await host.nextBuild();
    const { code, stdout, stderr } = await host.rig.zdr(["deploy", "--tag", tag]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return { release, stderr };
  }

  for (const [moment, what] of MOMENTS) {
    test(`${moment}: status says what was cut short (${what}), and the next deploy succeeds`, async () => {
      // What overseer's master was started from stays while that runs: there is something to prune one deploy later.
      if (moment.startsWith("prune")) await deployNext();
      const { tag } = await host.nextBuild();
      await host.moments.stopAt(moment);
      const zdr = host.rig.startZdr(["deploy", "--tag", tag]);
      const pid = await host.moments.reached(zdr.done);
      assert.ok(pid, `it never came:\n${zdr.said().stdout}${zdr.said().stderr}`);
      for (const dying of [pid, zdr.pid]) process.kill(dying, "SIGKILL");
      await zdr.done;
      await host.moments.goOn();
      await reboot();

      const status = await host.rig.zdr(["status"]);
      assert.equal(status.code, 0, status.stderr);
      if (what === "nothing was begun") assert.doesNotMatch(status.stderr, /cut short/);
      else assert.match(status.stderr, new RegExp(`web1: the activation of ${tag}, begun .*, was cut short`));

      const { release, stderr } = await deployNext();
      if (what === "cut short") assert.match(stderr, new RegExp(`the activation of ${tag} had been interrupted`));
      assert.equal(await textAt(`${host.url}/version`), release);
      assert.deepEqual(await findLies(host.rig.deployTo), []);
      assert.doesNotMatch((await host.rig.zdr(["status"])).stderr, /cut short/);
    });
  }
});
