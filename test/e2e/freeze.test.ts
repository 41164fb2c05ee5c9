/** An operator locks a host: nothing is deployed there until it is unlocked, or its time is over. */
import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { freezeNumber } from "../../agent/core/freeze-text.ts";
import { layoutOf } from "../../agent/core/layout.ts";
import { startLockDriver } from "../support/lock-race.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { assertTold, resultOf } from "../support/wrong-world.ts";

const LOCKED = /local: locked by \S+@\S+ since 20\S+ \S+Z until somebody unlocks it: freeze until Monday/;

describe("zdr lock", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 });
    await ok("setup");
    for (const release of ["v1", "v2"]) {
      await rig.useSample("gunicorn", { release });
      await ok("deploy", "--tag", release);
    }
    await rig.useSample("gunicorn", { release: "v3" });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  afterEach(() => ok("unlock"));

  const ok = async (...args: string[]) => {
    const result = await rig.zdr(args);
    assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
    return result;
  };
  /** The one that counts. */
  const freezeFile = async () => {
    const zdr = join(rig.deployTo, ".zdr");
    const numbers = (await readdir(zdr)).flatMap((name) => freezeNumber(name) ?? []);
    return layoutOf(rig.deployTo).freeze(Math.max(...numbers));
  };

  test("deploy, rollback and setup exit with 3 and say who locked it, since when, why and until when", async () => {
    const { stdout } = await ok("lock", "-m", "freeze until Monday");
    assert.match(stdout, /local +is locked +20\S+ \S+Z +zdr unlock +\S+@\S+ +freeze until Monday/);
    for (const args of [["deploy", "--tag", "v3"], ["rollback"], ["setup"]]) {
      assertTold(await rig.zdr(args), { exit: 3, error: LOCKED, hint: /zdr unlock.*--ignore-freeze/ });
    }
    assert.equal((await stat(await freezeFile())).mode & 0o777, 0o600);
  });

  test("what serves can still be looked at and kept alive, and whoever looks is told", async () => {
    await ok("lock", "-m", "freeze until Monday");
    for (const args of [["releases"], ["deploy", "--tag", "v3", "--dry-run"], ["restart"]]) {
      assert.match((await ok(...args)).stderr, new RegExp(`warning: ${LOCKED.source}`));
    }
  });

  test("--wait does not wait for it: nobody knows when an operator comes back", async () => {
    await ok("lock", "-m", "freeze until Monday");
    const result = await rig.zdr(["deploy", "--tag", "v3", "--wait", "10m"], { timeoutMs: 60_000 });
    assertTold(result, { exit: 3, error: LOCKED });
  });

  test("--ignore-freeze goes on all the same, for deploy and rollback alike, and does not unlock it", async () => {
    await ok("lock", "-m", "freeze until Monday");
    await ok("deploy", "--tag", "v3", "--ignore-freeze");
    await ok("rollback", "--ignore-freeze");
    assertTold(await rig.zdr(["deploy", "--tag", "v3"]), { exit: 3, error: LOCKED });
  });

  test("who locks it second is told who was first, and changes nothing", async () => {
    await ok("lock", "-m", "freeze until Monday");
    const before = await readFile(await freezeFile(), "utf8");
    const second = await rig.zdr(["lock", "-m", "mine"]);
    assertTold(second, { exit: 3, error: LOCKED, hint: /zdr unlock/ });
    assert.equal(await readFile(await freezeFile(), "utf8"), before);
  });

  test("it ends by itself when its time is over, and can then be locked anew", async () => {
    await ok("lock", "-m", "freeze until Monday", "--until", "2099-01-01");
    const freeze = JSON.parse(await readFile(await freezeFile(), "utf8"));
    assert.equal(freeze.until, new Date(2099, 0, 1).toISOString());
    assert.match((await rig.zdr(["rollback"])).stderr, /until 209\S+ \S+Z: freeze/);
    await writeFile(await freezeFile(), JSON.stringify({ ...freeze, until: new Date(Date.now() - 1).toISOString() }), {
      mode: 0o600,
    });
    await ok("deploy", "--tag", "v3");
    await ok("lock", "-m", "again");
    assert.equal(JSON.parse(await readFile(await freezeFile(), "utf8")).why, "again");
  });

  test("zdr unlock says what it has ended; where nothing was locked it says so and is content", async () => {
    await ok("lock", "-m", "freeze until Monday");
    assert.match((await ok("unlock")).stdout, /local +was locked .* freeze until Monday/);
    const again = await ok("unlock");
    assert.deepEqual([again.stdout, again.stderr], ["", "local: was not locked\n"]);
    await ok("deploy", "--tag", "v3");
  });

  test("one that was unlocked does not hold again when the clock is set back", async () => {
    await ok("lock", "-m", "freeze until Monday", "--until", "2099-01-01");
    const freeze = JSON.parse(await readFile(await freezeFile(), "utf8"));
    const over = { ...freeze, until: new Date(Date.now() - 1).toISOString() };
    await writeFile(await freezeFile(), JSON.stringify(over), { mode: 0o600 });
    await ok("unlock");
    // What an earlier clock would show.
    await writeFile(await freezeFile(), JSON.stringify(freeze));
    await ok("deploy", "--tag", "v3");
  });

  test("a freeze that can not be read counts, until somebody unlocks it", async () => {
    await ok("lock", "-m", "freeze until Monday");
    await writeFile(await freezeFile(), "{", { mode: 0o600 });
    const error = /freeze\.\d+\.json can not be read/;
    assertTold(await rig.zdr(["deploy", "--tag", "v3"]), { exit: 3, error });
    await ok("unlock");
    await ok("deploy", "--tag", "v3");
  });

  test("who is at work when it is locked goes on, and the operator is told", async () => {
    const claim = { by: { user: "bob", host: "ci" }, why: "deploy v9" };
    const bob = startLockDriver({ deployTo: rig.deployTo, journal: join(rig.dir, "journal"), act: "hold", claim });
    try {
      await bob.saidSoon("in");
      const { stderr } = await ok("lock", "-m", "freeze until Monday");
      assert.match(stderr, /local: bob@ci is at work since 20\S+ \S+Z \(deploy v9\), and goes on/);
    } finally {
      await bob.end();
    }
  });

  test("--json gives scripts the same facts", async () => {
    const locked = resultOf<{ hosts: { host: string; freeze: { why: string } }[] }>(
      await ok("lock", "-m", "freeze until Monday", "--json"),
    );
    assert.deepEqual(
      locked.hosts.map(({ host, freeze }) => [host, freeze.why]),
      [["local", "freeze until Monday"]],
    );
  });

  test("a lock without a reason, or until a time that is over or is none, is refused", async () => {
    const refused = async (hint: RegExp, ...args: string[]) =>
      assertTold(await rig.zdr(["lock", ...args]), { exit: 2, error: /./, hint });
    await refused(/see: zdr lock --help/);
    await refused(/zdr lock -m/, "-m", " ");
    await refused(/2026-11-30T08:00/, "-m", "x", "--until", "Monday");
    await refused(/2026-11-30T08:00/, "-m", "x", "--until", "2001-01-01");
  });
});
