/**
 * The common case: a supervisord of root's, a program with `user=www-data`, and an agent that is neither. What the
 * deploying user has no right to do is said beforehand, with what an administrator must put where; a deploy does as much
 * as the rights reach, says so, and refuses where that is not enough.
 */
import assert from "node:assert/strict";
import { chmod, chown, cp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ActivationReport } from "../../../agent/wire/report.ts";
import type { SetupResult } from "../../../agent/wire/setup.ts";
import { run, runOk } from "../../support/processes.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { installNode } from "../../support/root-node.ts";
import { buildSample, type Variant } from "../../support/samples.ts";
import { addTemporaryUser, type TemporaryUser } from "../../support/temporary-user.ts";
import { userNamed } from "../../support/users.ts";
import { answerOf, assertServes, assertTold, resultOf, stateOfProgram } from "../../support/wrong-world.ts";

const PROGRAM_USER = "www-data";
const PROVE_FILE = "/usr/local/lib/zdr/prove.cjs";
const SUDOERS_FILE = "/etc/sudoers.d/zdr-prove";
const QUICK = { start_seconds: 1, watch: "300ms", user: PROGRAM_USER };

type Step = SetupResult["administrator"][number];

/** Puts back what stood at the paths of this machine, which are fixed, when the test began. */
async function keepAside(paths: readonly string[]): Promise<() => Promise<void>> {
  const before = await Promise.all(
    paths.map(async (path) => ({ path, content: await readFile(path).catch(() => undefined) })),
  );
  for (const { path } of before) await rm(path, { force: true });
  const folder = dirname(PROVE_FILE);
  const hadFolder = await stat(folder).then(
    () => true,
    () => false,
  );
  return async () => {
    for (const { path, content } of before) {
      await rm(path, { force: true });
      if (content !== undefined) await writeFile(path, content, { mode: path === SUDOERS_FILE ? 0o440 : 0o755 });
    }
    if (!hadFolder) await rm(folder, { recursive: true, force: true });
  };
}

async function obey({ file, commands }: Step): Promise<void> {
  if (file !== undefined) await writeFile(file.path, file.content);
  for (const command of commands) await runOk(["/bin/sh", "-c", command]);
}

describe("a program of www-data under root's supervisord, deployed by somebody else through SSH", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let user: TemporaryUser;
  let rig: Rig;
  let url = "";

  before(async () => {
    cleanUps.push(await keepAside([PROVE_FILE, SUDOERS_FILE]));
    user = await addTemporaryUser();
    cleanUps.push(() => user.remove());
    const node = await installNode();
    cleanUps.push(() => node.remove());
    const supervisord = { socketMode: "0770", socketOwner: `root:${user.name}` };
    rig = await startRig(
      { after: (clean) => void cleanUps.push(clean) },
      { via: "ssh", user: user.name, supervisord, hostNode: node.path },
    );
    ({ url } = await rig.addSample("go-overseer", QUICK));
    await useBuild("v1");
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });

  /** As a build comes out of a shell with umask 077: nothing is for anybody else. */
  async function useBuild(release: string, variant: Variant = "good"): Promise<void> {
    const path = join(rig.dir, `build-${release}`);
    await cp(await buildSample("go-overseer", { release, variant }), path, { recursive: true });
    await runOk(["chmod", "-R", "go=", path]);
    await rig.configure({ build: { path } });
  }
  const deploy = (tag: string, ...more: string[]) => rig.zdr(["deploy", "--tag", tag, ...more]);
  const reportOf = (result: Awaited<ReturnType<typeof deploy>>) => {
    assert.equal(result.code, 0, result.stderr);
    const report = resultOf<{ hosts: { activation: ActivationReport }[] }>(result).hosts[0]?.activation.programs[0];
    assert.ok(report);
    return report;
  };
  const setUp = async () => {
    const { code, stdout, stderr } = await rig.zdr(["setup", "--json"]);
    const result = resultOf<{ hosts: { result: SetupResult }[] }>({ code, stdout, stderr }).hosts[0]?.result;
    assert.ok(result, stderr);
    return { code, ...result };
  };
  /** Without root's eyes nobody can say what runs. */
  const assertAnswers = async (tag: string) => {
    assert.deepEqual([await answerOf(url), await stateOfProgram(rig)], [`200 ${tag}`, "RUNNING"]);
    assert.equal(await readlink(join(rig.deployTo, "current")), `releases/${tag}`);
  };

  test("setup prints what an administrator must put where, word for word, and exits with 5", async () => {
    const { code, stdout } = await rig.zdr(["setup"]);
    assert.equal(code, 5);
    const { administrator } = await setUp();
    const paths = administrator.map(({ file }) => file?.path);
    assert.deepEqual(paths, [join(rig.supervisord.confDir, "rig.conf"), SUDOERS_FILE]);
    for (const { file, commands } of administrator) {
      for (const line of [...(file?.content.trimEnd().split("\n") ?? []), ...commands]) {
        assert.ok(stdout.split("\n").includes(line), line);
      }
    }
    assert.match(administrator[0]?.file?.content ?? "", /^user=www-data$/m);
  });

  test("once the sections are where it said, only the helper is left to do", async () => {
    const { administrator } = await setUp();
    assert.ok(administrator[0]);
    await obey(administrator[0]);
    const { code, administrator: rest } = await setUp();
    assert.equal(code, 5);
    assert.deepEqual(
      rest.map(({ file }) => file?.path),
      [SUDOERS_FILE],
    );
  });

  test("proof: required refuses a first deploy before anything is sent, since nothing could be proved", async () => {
    await rig.configure({ proof: "required" });
    const error = /web1: program "shop" .*uid 33.* may not look into, and deploy\.yml says proof: required/;
    assertTold(await deploy("v1"), { exit: 5, error, state: /not touched/, hint: /zdr setup/ });
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), []);
    await rig.configure({ proof: "best" });
  });

  test("a deploy works, says that its proof is health only, and www-data can read what umask 077 has built", async () => {
    const report = reportOf(await deploy("v1", "--json"));
    assert.deepEqual([report.action, report.proof], ["start", "health only"]);
    await assertAnswers("v1");
    const modes = await Promise.all(
      ["", "bin", "bin/shop", "VERSION"].map(
        async (path) => (await stat(join(rig.deployTo, "releases/v1", path))).mode,
      ),
    );
    assert.deepEqual(
      modes.map((mode) => (mode & 0o777).toString(8)),
      ["755", "755", "755", "644"],
    );
  });

  test("a reload works as well, and the table says on what it rests", async () => {
    await useBuild("v2");
    const { code, stdout, stderr } = await deploy("v2");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /shop +reload .*health only/);
    await assertAnswers("v2");
  });

  test("proof: required refuses a program that runs, and it goes on serving", async () => {
    await rig.configure({ proof: "required" });
    await useBuild("v3");
    assertTold(await deploy("v3"), {
      exit: 5,
      error: /\(pid \d+\) runs as uid 33/,
      state: /not touched/,
      hint: /proof: best/,
    });
    await assertAnswers("v2");
    assert.ok(!(await readdir(join(rig.deployTo, "releases"))).includes("v3"));
  });

  test("with the helper where setup said, setup is in order and the proof is the processes themselves", async () => {
    const { administrator } = await setUp();
    assert.equal(administrator.length, 1);
    for (const step of administrator) await obey(step);
    const { code, administrator: rest } = await setUp();
    assert.deepEqual([code, rest], [0, []]);
    const report = reportOf(await deploy("v3", "--json"));
    assert.deepEqual(
      [report.action, report.proof, report.before.release, report.after.release],
      ["reload", "processes", "v2", "v3"],
    );
    await assertServes(rig, url, { tag: "v3", answer: "v3" });
  });

  test("what a release that crashed has said is told, though supervisord alone may read its log", async () => {
    const log = (await rig.supervisord.ctl(["tail", "shop"])).stdout;
    assert.match(log, /serves on/, "there is something from before");
    const { uid, gid } = user;
    const [file] = await readdir(join(rig.supervisord.socket, "../log"));
    assert.notEqual((await run(["cat", join(rig.supervisord.socket, "../log", file ?? "")], { uid, gid })).code, 0);
    await useBuild("x1", "crash");
    const { code, stderr } = await deploy("x1");
    assert.equal(code, 7, stderr);
    assert.match(stderr, /^zdr: log: +web1: shop: panic: config\/app\.toml: missing key "dsn"$/m);
    assert.doesNotMatch(stderr, /log: .*release v1 serves/);
    await assertServes(rig, url, { tag: "v3", answer: "v3" });
  });

  test("nothing in .zdr can be read by anybody else", async () => {
    const entries = await readdir(join(rig.deployTo, ".zdr"), { recursive: true });
    assert.ok(entries.length > 3);
    for (const entry of ["", ...entries]) {
      const found = await stat(join(rig.deployTo, ".zdr", entry));
      assert.deepEqual([found.mode & 0o077, found.uid], [0, user.uid], entry);
    }
    const { uid, gid } = await userNamed(PROGRAM_USER);
    const { code } = await run(["ls", join(rig.deployTo, ".zdr")], { uid, gid });
    assert.notEqual(code, 0);
  });

  test("a socket that is closed to the user is told, and setup says what opens it", async () => {
    await chmod(rig.supervisord.socket, 0o700);
    const error = new RegExp(`user ${user.name} may not connect to supervisord at unix:`);
    assertTold(await deploy("v4"), { exit: 5, error, state: /not touched/, hint: /zdr setup/ });
    const { code, administrator } = await setUp();
    assert.equal(code, 5);
    const step = administrator.find(({ file }) => file?.content.startsWith("[unix_http_server]"));
    for (const command of step?.commands ?? []) await runOk(["/bin/sh", "-c", command]);
    assert.equal((await setUp()).code, 0);
  });

  describe("and folders that are not as setup made them", () => {
    const wrongs: readonly {
      what: string;
      path: string;
      owner?: number;
      mode?: number;
      error: RegExp;
      hint: RegExp;
    }[] = [
      { what: "a .zdr of root's", path: ".zdr", owner: 0, error: /\.zdr belongs to uid 0/, hint: /chown -R/ },
      {
        what: "a .zdr open to others",
        path: ".zdr",
        mode: 0o755,
        error: /0755, so others .* look/,
        hint: /chmod go= /,
      },
      { what: "a deploy_to of root's", path: "", owner: 0, error: /web belongs to uid 0/, hint: /chown -R/ },
      {
        what: "a deploy_to for its group",
        path: "",
        mode: 0o775,
        error: /0775, so others .* change/,
        hint: /chmod go-w/,
      },
      {
        what: "a deploy_to for everybody",
        path: "",
        mode: 0o777,
        error: /0777, so others .* change/,
        hint: /chmod go-w/,
      },
      {
        what: "releases for everybody",
        path: "releases",
        mode: 0o777,
        error: /releases has mode 0777/,
        hint: /chmod go-w/,
      },
    ];
    for (const { what, path, owner, mode, error, hint } of wrongs) {
      test(`${what}: refused, and nothing is written there`, async () => {
        const place = join(rig.deployTo, path);
        const found = await stat(place);
        if (owner !== undefined) await chown(place, owner, owner);
        if (mode !== undefined) await chmod(place, mode);
        const before = await readdir(rig.deployTo, { recursive: true });
        assertTold(await deploy("v4"), { exit: 5, error, state: /not touched/, hint });
        assert.deepEqual(await readdir(rig.deployTo, { recursive: true }), before);
        await chown(place, found.uid, found.gid);
        await chmod(place, found.mode & 0o7777);
      });
    }

    test("a deploy_to that www-data may not enter: refused by name before the flip, and the old release serves", async () => {
      await chmod(rig.deployTo, 0o750);
      await useBuild("v4");
      const error = /user www-data may not enter .*\/web, mode 0750/;
      assertTold(await deploy("v4"), { exit: 5, error, state: /still serves v3/, hint: /namei -l/ });
      await chmod(rig.deployTo, 0o755);
      await assertServes(rig, url, { tag: "v3", answer: "v3" });
    });
  });

  test("once all of it is right again, a deploy works", async () => {
    assert.equal(reportOf(await deploy("v5", "--json")).proof, "processes");
    await assertServes(rig, url, { tag: "v5", answer: "v4" });
  });
});
