/** A program comes to a host: set up, deployed, deployed again, rolled back, stopped and started. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ControlResult } from "../../agent/wire/control/control.ts";
import type { ReleaseInfo } from "../../agent/wire/release.ts";
import { textAt } from "../support/load/ask.ts";
import { reportIn, resultIn } from "../support/load/deploy-series.ts";
import type { RunResult } from "../support/processes.ts";
import { type Rig, startRig } from "../support/rig.ts";

/** Programs that were there before zdr came; nothing that it does may touch them. */
const NEIGHBOURS = `[program:mail]
command=sleep 100000
[program:queue]
command=sleep 100000
numprocs=2
process_name=%(program_name)s_%(process_num)d
[program:batch]
command=sleep 100000
autostart=false
`;

describe("one program on one host, through SSH", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let neighbours: string;

  before(async () => {
    rig = await startRig(
      { after: (clean) => cleaning.push(clean) },
      { via: "ssh", supervisord: { programs: NEIGHBOURS } },
    );
    ({ url } = await rig.addSample("go-overseer", { watch: 0 }));
    await rig.useSample("go-overseer", { release: "v1" });
    neighbours = await pidsOf(rig, ["mail", "queue:queue_0", "queue:queue_1", "batch"]);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const zdr = async (...args: string[]) => ok(await rig.zdr(args));
  const pid = () => pidsOf(rig, ["shop"]);
  const version = () => textAt(`${url}/version`);
  const current = () => readlink(join(rig.deployTo, "current"));
  const releases = async () => {
    const { data } = resultIn((await zdr("releases", "--json")).stdout) as {
      data: { hosts: readonly { releases: readonly ReleaseInfo[] }[] };
    };
    return data.hosts[0]?.releases ?? [];
  };
  const verdicts = async () => Object.fromEntries((await releases()).map(({ tag, verdict }) => [tag, verdict]));

  test("before setup a deploy is refused, and says that setup comes first", async () => {
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /hint: .*zdr setup/);
    assert.deepEqual(await readdir(rig.deployTo), []);
  });

  test("setup --dry-run says what it would make, and makes nothing", async () => {
    const { stdout } = await zdr("setup", "--dry-run");
    assert.match(stdout, /releases/);
    assert.deepEqual(await readdir(rig.deployTo), []);
    assert.deepEqual(await readdir(rig.supervisord.confDir), ["programs.conf"]);
  });

  test("setup makes the layout and adds the program to supervisor", async () => {
    await zdr("setup");
    const folders = await readdir(rig.deployTo);
    assert.deepEqual(folders.sort(), [".zdr", "releases", "run", "shared"]);
    assert.equal((await stat(join(rig.deployTo, ".zdr"))).mode & 0o7777, 0o700);
    assert.match(await readFile(join(rig.supervisord.confDir, "rig.conf"), "utf8"), /^\[program:shop\]$/m);
    assert.equal((await rig.zdr(["status", "shop"])).code, 3);
  });

  test("a second setup finds everything in order and changes nothing", async () => {
    const before = [await fingerprint(rig.deployTo), await fingerprint(rig.supervisord.confDir)];
    const { stdout } = await zdr("setup");
    assert.match(stdout, /all is in order/);
    assert.doesNotMatch(stdout, /made|wrote|added/);
    assert.deepEqual([await fingerprint(rig.deployTo), await fingerprint(rig.supervisord.confDir)], before);
  });

  test("a dry run says what a deploy would send and do, and does nothing", async () => {
    const before = await fingerprint(rig.deployTo);
    const { stdout } = await zdr("deploy", "--tag", "v1", "--dry-run");
    assert.match(stdout, /2 files/);
    assert.match(stdout, /start/);
    assert.deepEqual(await fingerprint(rig.deployTo), before);
  });

  test("the first deploy starts the program", async () => {
    const { stdout, stderr } = await zdr("deploy", "--tag", "v1", "--json");
    const report = reportIn(stdout, stderr);
    assert.deepEqual([report.action, report.before.pid, report.after.release], ["start", 0, "v1"]);
    assert.equal(await current(), "releases/v1");
    assert.equal(await version(), "v1");
    assert.deepEqual(await verdicts(), { v1: "good" });
  });

  test("the second deploy reloads it, and supervisor's pid stays", async () => {
    const before = await pid();
    await rig.useSample("go-overseer", { release: "v2" });
    const { stdout, stderr } = await zdr("deploy", "--tag", "v2", "--json");
    assert.deepEqual([reportIn(stdout, stderr).action, await pid()], ["reload", before]);
    assert.equal(await current(), "releases/v2");
    assert.equal(await version(), "v2");
  });

  test("the same deploy again finds that the release serves already, and sends no signal", async () => {
    const { stdout, stderr } = await zdr("deploy", "--tag", "v2", "--json");
    assert.equal(reportIn(stdout, stderr).action, "none");
    assert.doesNotMatch(stdout, /signal/);
  });

  test("releases shows what became of each, which one is current and which one runs", async () => {
    const { stdout } = await zdr("releases");
    assert.match(stdout, /^ +v1 +good /m);
    assert.match(stdout, /^\* +v2 +good .* shop$/m);
    assert.deepEqual(
      (await releases()).map(({ tag, isCurrent, isPresent }) => ({ tag, isCurrent, isPresent })),
      [
        { tag: "v1", isCurrent: false, isPresent: true },
        { tag: "v2", isCurrent: true, isPresent: true },
      ],
    );
  });

  test("status prints what supervisorctl prints, and --releases adds what really runs", async () => {
    assert.match((await zdr("status", "shop")).stdout, /^shop {29}RUNNING {3}pid \d+, uptime 0:00:\d\d\n$/);
    assert.match((await zdr("status", "shop", "--releases")).stdout, /^shop .*, release v2\n$/);
  });

  test("rollback makes the last good release serve again, by a reload, and calls the other one withdrawn", async () => {
    const before = await pid();
    const { stdout, stderr } = await zdr("rollback", "--json");
    const report = reportIn(stdout, stderr);
    assert.deepEqual([report.action, report.after.release, await pid()], ["reload", "v1", before]);
    assert.equal(await version(), "v1");
    assert.equal(await current(), "releases/v1");
    assert.deepEqual(await verdicts(), { v1: "good", v2: "withdrawn" });
  });

  test("rollback refuses where no other release is good, and changes nothing", async () => {
    const { code, stderr } = await rig.zdr(["rollback"]);
    assert.equal(code, 5, stderr);
    assert.equal(await version(), "v1");
  });

  test("rollback --to takes the release that is named", async () => {
    await zdr("rollback", "--to", "v2");
    assert.equal(await version(), "v2");
    assert.deepEqual(await verdicts(), { v1: "withdrawn", v2: "good" });
  });

  test("stop, start, reload and restart do what they say, on the current release", async () => {
    const control = async (verb: string) => {
      const { data } = resultIn((await zdr(verb, "shop", "--json")).stdout) as {
        data: { hosts: readonly { result: ControlResult }[] };
      };
      const [program] = data.hosts[0]?.result.programs ?? [];
      return [program?.done, program?.info.statename];
    };
    assert.deepEqual(await control("stop"), ["stopped", "STOPPED"]);
    assert.equal((await rig.zdr(["status", "shop"])).code, 3);
    assert.deepEqual(await control("stop"), ["not running", "STOPPED"]);
    assert.deepEqual(await control("start"), ["started", "RUNNING"]);
    const started = await pid();
    assert.deepEqual(await control("start"), ["already started", "RUNNING"]);
    assert.deepEqual(await control("reload"), ["reloaded", "RUNNING"]);
    assert.equal(await pid(), started);
    assert.deepEqual(await control("restart"), ["restarted", "RUNNING"]);
    assert.notEqual(await pid(), started);
    assert.equal(await version(), "v2");
  });

  test("a program that is stopped is started by the next deploy", async () => {
    await zdr("stop");
    await rig.useSample("go-overseer", { release: "v3" });
    const { stdout, stderr } = await zdr("deploy", "--tag", "v3", "--json");
    assert.equal(reportIn(stdout, stderr).action, "start");
    assert.equal(await version(), "v3");
  });

  test("the other programs of that supervisord have kept their pids, and the one that was down is down", async () => {
    assert.equal(await pidsOf(rig, ["mail", "queue:queue_0", "queue:queue_1", "batch"]), neighbours);
  });

  test("nobody holds the host's lock, and nothing is left of uploads", async () => {
    const zdrFolder = join(rig.deployTo, ".zdr");
    assert.deepEqual(await readdir(join(zdrFolder, "incoming")), []);
    const locks = (await readdir(zdrFolder)).filter((name) => name.startsWith("lock."));
    assert.equal(locks.length, 1);
    assert.match(await readFile(join(zdrFolder, locks[0] ?? ""), "utf8"), /"released":true/);
  });
});

function ok(result: RunResult): RunResult {
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  return result;
}

/** supervisor's pids, 0 for what is down. */
async function pidsOf(rig: Rig, names: readonly string[]): Promise<string> {
  return (await rig.supervisord.ctl(["pid", ...names])).stdout;
}

/** Every file below a folder with what would change if somebody wrote it. Locks and caches come and go with each command. */
async function fingerprint(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const kept = names.filter((name) => !/\.zdr\/(lock\.|agent-|code-cache)/.test(name)).sort();
  return Promise.all(
    kept.map(async (name) => {
      const { ino, mode, mtimeMs, isFile } = await stat(join(folder, name)).then((found) => ({
        ...found,
        isFile: found.isFile(),
      }));
      return isFile ? `${name} ${ino} ${mode} ${mtimeMs}` : `${name}/ ${mode}`;
    }),
  );
}
