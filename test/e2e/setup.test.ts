/** `zdr setup` against a real supervisord: what it makes, what it leaves alone, and what it asks an administrator for. */
import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ProveOptions } from "../../agent/setup/rights.ts";
import { runSetup } from "../../agent/setup.ts";
import type { ProgramPlan, ProjectPlan } from "../../agent/wire/plan.ts";
import type { SetupResult } from "../../agent/wire/setup.ts";
import type { SetupOutput } from "../support/drivers/setup-driver.ts";
import { eventually } from "../support/eventually.ts";
import { hostContext } from "../support/fixtures/host-context.ts";
import { programPlan, projectPlan } from "../support/fixtures/plans.ts";
import { runOk } from "../support/processes.ts";
import { type Supervisord, startSupervisord } from "../support/supervisord.ts";
import { userNamed } from "../support/users.ts";

const DRIVER = fileURLToPath(new URL("../support/drivers/setup-driver.ts", import.meta.url));
const OTHERS =
  "[program:other]\ncommand=/bin/sleep 1000\nstartsecs=0\n[program:second]\ncommand=/bin/sleep 1000\nstartsecs=0\n";
const STEWARD = "nobody";

let dir = "";
let host: Supervisord;

async function start(options: { socketMode?: string; programs?: string } = {}): Promise<void> {
  host = await startSupervisord({ dir: join(dir, "sv"), programs: OTHERS, ...options });
}

/** Pids of the programs that are none of the project's, once supervisord has started them. */
const otherPids = () =>
  eventually(
    async () => {
      const lines = (await host.ctl(["status", "other", "second"])).stdout.match(/pid \d+/g);
      return lines?.length === 2 && lines.join(", ");
    },
    { name: "the other programs run" },
  );

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "zt-"));
  await chmod(dir, 0o755);
  await mkdir(join(dir, "sv"));
});
afterEach(async () => {
  await host?.stop();
  await rm(dir, { recursive: true, force: true });
});

const deployTo = () => join(dir, "web/shop");
const sectionFile = () => join(host.confDir, "shop.conf");
const project = (
  programs: ProgramPlan[] = [programPlan("overseer")],
  changes: Partial<ProjectPlan> = {},
): ProjectPlan => projectPlan(deployTo(), programs, { supervisor: { config: host.configPath }, ...changes });
const setUp = (plan: ProjectPlan = project(), dryRun = false) =>
  runSetup(hostContext(plan), { dryRun, prove: { bundle: undefined } });

/** As somebody who is not root. */
async function setUpAs(name: string, plan: ProjectPlan, prove: Partial<ProveOptions> = {}): Promise<SetupOutput> {
  const { uid, gid, home } = await userNamed(name);
  const input = JSON.stringify({ project: plan, dryRun: false, prove });
  return JSON.parse(await runOk([process.execPath, DRIVER, input], { uid, gid, env: { HOME: home } }));
}

function resultOf(output: SetupOutput): SetupResult {
  assert.ok("result" in output, JSON.stringify(output));
  return output.result;
}

const statusOf = async (name: string) => (await host.ctl(["status", name])).stdout.split(/\s+/)[1];
const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

/** What an administrator does with a step: puts the file there, types the commands. */
async function obey(step: SetupResult["administrator"][number]): Promise<void> {
  if (step.file !== undefined) await writeFile(step.file.path, step.file.content);
  for (const command of step.commands) await runOk(["/bin/sh", "-c", command]);
}

describe("on a host where nothing is", () => {
  beforeEach(() => start());

  test("the layout is made with its modes, whatever the umask", async () => {
    const umask = process.umask(0o077);
    await setUp(project(undefined, { shared: { dirs: ["log/app"], files: [] } })).finally(() => process.umask(umask));
    const modes = await Promise.all(
      ["", "releases", "shared", "shared/log/app", "run/shop", ".zdr"].map((path) => modeOf(join(deployTo(), path))),
    );
    assert.deepEqual(modes, ["755", "755", "755", "755", "755", "700"]);
  });

  test("the program is added, waits stopped for its first release, and no other program notices", async () => {
    const pids = await otherPids();
    const { done, administrator } = await setUp();
    assert.deepEqual(administrator, []);
    assert.ok(done.includes("added shop to supervisor"), done.join("\n"));
    assert.equal(await statusOf("shop"), "STOPPED");
    assert.equal(await otherPids(), pids);
  });

  test("what others changed and did not adopt stays as it is, and is told", async () => {
    const pids = await otherPids();
    await host.addProgram("programs", OTHERS.replace("1000", "2000"));
    await host.addProgram("theirs", "[program:theirs]\ncommand=/bin/sleep 1000\n");
    const { findings } = await setUp();
    assert.deepEqual(
      findings.map(({ program, finding }) => [program, finding.rule]),
      [
        ["theirs", "pending-change"],
        ["other", "pending-change"],
      ],
    );
    assert.equal(await otherPids(), pids);
    assert.equal((await host.ctl(["status", "theirs"])).code, 4);
  });

  test("a section that changes before the first release is adopted, and the program waits stopped as before", async () => {
    await setUp();
    const pids = await otherPids();
    await host.addProgram("programs", OTHERS.replace("1000", "2000"));
    const changed = project([{ ...programPlan("overseer"), stopSeconds: 77 }]);
    const foreseen = await setUp(changed, true);
    const adopted = "shop in supervisor to its new section: nothing of it runs";
    assert.ok(foreseen.done.includes(`would change ${adopted}`), foreseen.done.join("\n"));
    assert.deepEqual(foreseen.findings, []);
    const { done, findings } = await setUp(changed);
    assert.ok(done.includes(`changed ${adopted}`), done.join("\n"));
    assert.deepEqual(findings, []);
    assert.equal(await statusOf("shop"), "STOPPED");
    assert.equal(await otherPids(), pids, "what others have changed is not adopted with it");
    assert.match((await host.ctl(["reread"])).stdout, /^other: changed$/m);
    assert.deepEqual((await setUp(changed)).done, ["supervisor has shop", "all is in order"]);
  });

  test("one that was written before and not adopted is adopted by the next run", async () => {
    await setUp();
    const text = await readFile(sectionFile(), "utf8");
    const changed = project([{ ...programPlan("overseer"), stopSeconds: 77 }]);
    await writeFile(sectionFile(), text.replace(/^stopwaitsecs=.*$/m, "stopwaitsecs=77"));
    assert.notDeepEqual((await setUp(changed, true)).findings, [], "a dry run does not call it in order");
    const { done, findings } = await setUp(changed);
    assert.match(done.join("\n"), /^changed shop in supervisor/m);
    assert.deepEqual(findings, []);
    assert.equal(await statusOf("shop"), "STOPPED");
  });

  test("a second run changes nothing", async () => {
    await setUp();
    const before = {
      content: await readFile(sectionFile(), "utf8"),
      ino: (await stat(sectionFile())).ino,
      pids: await otherPids(),
    };
    const { done, administrator, findings } = await setUp();
    assert.deepEqual(
      { done, administrator, findings },
      { done: ["supervisor has shop", "all is in order"], administrator: [], findings: [] },
    );
    assert.deepEqual(
      { content: await readFile(sectionFile(), "utf8"), ino: (await stat(sectionFile())).ino, pids: await otherPids() },
      before,
    );
  });

  test("a dry run tells the same and changes nothing", async () => {
    const { done } = await setUp(project(), true);
    assert.ok(done.includes(`would make ${deployTo()} (0755)`), done.join("\n"));
    assert.ok(done.includes(`would write [program:shop] to ${sectionFile()}`), done.join("\n"));
    assert.ok(done.includes("would add shop to supervisor"), done.join("\n"));
    assert.deepEqual([await readdir(dir), await readdir(host.confDir)], [["sv"], ["programs.conf"]]);
  });

  test("a program that came to the project later gets its section beside the first", async () => {
    await setUp();
    const first = await readFile(sectionFile(), "utf8");
    const worker = programPlan("restart", { name: "worker", process: "worker" });
    await setUp(project([programPlan("overseer"), worker]));
    assert.ok((await readFile(sectionFile(), "utf8")).startsWith(first));
    assert.equal(await statusOf("worker"), "STOPPED");
  });

  test("an environment, which may hold secrets, is closed to others", async () => {
    await setUp(project([programPlan("restart", { environment: { DSN: "secret" } })]));
    assert.equal(await modeOf(sectionFile()), "600");
  });
});

describe("where supervisord does not take the sections", () => {
  beforeEach(() => start());

  test("a section that it refuses is taken back, and it goes on with the rest", async () => {
    const pids = await otherPids();
    const plan = project([programPlan("restart", { user: "no-such-user" })]);
    await assert.rejects(setUp(plan), ({ failure }) => {
      assert.deepEqual([failure.reason, failure.path], ["supervisor-config", sectionFile()]);
      assert.match(failure.detail, /no-such-user/);
      return true;
    });
    assert.deepEqual(await readdir(host.confDir), ["programs.conf"]);
    assert.doesNotMatch((await host.ctl(["reread"])).stdout, /ERROR/);
    assert.equal(await otherPids(), pids);
  });

  test("a file that was there before is as before", async () => {
    await setUp();
    const before = await readFile(sectionFile(), "utf8");
    const bad = programPlan("restart", { name: "bad", process: "bad", user: "no-such-user" });
    await assert.rejects(
      setUp(project([programPlan("overseer"), bad])),
      ({ failure }) => failure.reason === "supervisor-config",
    );
    assert.equal(await readFile(sectionFile(), "utf8"), before);
    assert.doesNotMatch((await host.ctl(["reread"])).stdout, /ERROR/);
  });

  test("where it was broken before, nothing is written", async () => {
    await host.addProgram("theirs", "[program:theirs]\ncommand=/bin/date +%Y\n");
    await assert.rejects(
      setUp(),
      ({ failure }) => failure.reason === "supervisor-config" && failure.path === host.configPath,
    );
    assert.deepEqual((await readdir(host.confDir)).sort(), ["programs.conf", "theirs.conf"]);
  });

  test("a file that it does not read, because it runs with another config, is taken back", async () => {
    const config = join(dir, "another.conf");
    const folder = join(dir, "another.d");
    await mkdir(folder);
    const text = await readFile(host.configPath, "utf8");
    await writeFile(config, text.replace("conf.d/*.conf", "another.d/*.conf"));
    await assert.rejects(setUp(project(undefined, { supervisor: { config } })), ({ failure }) => {
      assert.deepEqual([failure.reason, failure.path], ["supervisor-config", join(folder, "shop.conf")]);
      return true;
    });
    assert.deepEqual(await readdir(folder), []);
  });

  test("what a lint refuses is not written at all", async () => {
    const { findings } = await setUp(project([programPlan("gunicorn", { command: ["venv/bin/gunicorn", "app:app"] })]));
    assert.deepEqual(
      findings.map(({ finding }) => finding.rule),
      ["gunicorn-chdir"],
    );
    assert.deepEqual(await readdir(host.confDir), ["programs.conf"]);
  });
});

describe("where an administrator wrote the section", () => {
  test("it is added if it says what deploy.yml says", async () => {
    await start();
    const text = `[program:shop]\ncommand = ${deployTo()}/current/bin/shop -addr ":8080"\ndirectory=${deployTo()}/current\nstartsecs=2\nstopwaitsecs=30\nkillasgroup=yes\n`;
    await host.addProgram("mine", text);
    const { done } = await setUp(project([programPlan("restart")]));
    assert.ok(done.includes("added shop to supervisor"), done.join("\n"));
    assert.deepEqual((await readdir(host.confDir)).sort(), ["mine.conf", "programs.conf"]);
  });

  test("it is left alone if it says something else, and the program keeps running", async () => {
    const text =
      "[program:shop]\ncommand=/bin/sleep 1000\nstartsecs=0\n[program:other]\ncommand=/bin/sleep 1000\nstartsecs=0\n";
    await start({ programs: text });
    const pid = (await host.ctl(["pid", "shop"])).stdout;
    const { findings } = await setUp();
    const rules = findings.map(({ finding }) => `${finding.level} ${finding.rule}`);
    assert.ok(rules.includes("refuse section-differs") && rules.includes("refuse command-not-slot"), rules.join("\n"));
    assert.deepEqual(await readdir(host.confDir), ["programs.conf"]);
    assert.equal((await host.ctl(["pid", "shop"])).stdout, pid);
  });

  test("its file of the project's name is not touched", async () => {
    await start();
    await host.addProgram("shop", "; mine\n[program:mine]\ncommand=/bin/sleep 1000\n");
    const { administrator } = await setUp();
    assert.match(administrator[0]?.why ?? "", /not written by zdr/);
    assert.match(administrator[0]?.file?.content ?? "", /^\[program:shop\]/);
    assert.match(await readFile(sectionFile(), "utf8"), /^; mine/);
  });
});

describe("a user whose rights end somewhere", () => {
  const foreign = programPlan("overseer", { user: "www-data" });

  async function ownLayout(): Promise<void> {
    const { uid, gid } = await userNamed(STEWARD);
    await mkdir(deployTo(), { recursive: true });
    await chown(deployTo(), uid, gid);
  }

  test("gets the file and the commands where the config is root's, and they work as they stand", async () => {
    await start({ socketMode: "0777" });
    await ownLayout();
    const pids = await otherPids();
    const { administrator } = resultOf(await setUpAs(STEWARD, project()));
    assert.equal(administrator.length, 1);
    const [step] = administrator;
    assert.ok(step);
    assert.match(step.why, /nobody may not write to/);
    assert.equal(step.file?.path, sectionFile());
    assert.deepEqual(
      step.commands,
      ["reread", "add shop", "stop shop"].map((verb) => `supervisorctl -c ${host.configPath} ${verb}`),
    );
    await obey(step);
    assert.deepEqual([await statusOf("shop"), await otherPids()], ["STOPPED", pids]);
    const second = resultOf(await setUpAs(STEWARD, project()));
    assert.deepEqual(second.done, ["supervisor has shop", "all is in order"]);
  });

  test("gets commands that close the file of sections whose environment may hold secrets", async () => {
    await start({ socketMode: "0777" });
    await ownLayout();
    const { gid } = await userNamed(STEWARD);
    const plan = project([programPlan("overseer", { environment: { TOKEN: "s3cret" } })]);
    const [step] = resultOf(await setUpAs(STEWARD, plan)).administrator;
    assert.ok(step);
    await obey(step);
    const found = await stat(sectionFile());
    assert.deepEqual([found.uid, found.gid, found.mode & 0o777], [0, gid, 0o640]);
    assert.equal(await statusOf("shop"), "STOPPED");
    assert.deepEqual(resultOf(await setUpAs(STEWARD, plan)).administrator, []);
  });

  test("gets the commands that open supervisord's socket", async () => {
    await start();
    await ownLayout();
    const { administrator, done } = resultOf(await setUpAs(STEWARD, project()));
    assert.ok(
      done.some((text) => text.startsWith(`made ${deployTo()}/.zdr`)),
      done.join("\n"),
    );
    const [socket, sections] = administrator;
    assert.ok(socket && sections);
    assert.match(socket.file?.content ?? "", /^\[unix_http_server\]\nfile=.*\nchmod=0770\nchown=root:nogroup\n$/);
    assert.equal(sections.file?.path, sectionFile());
    // The lines are for the section that is there already; here only the commands count.
    await obey({ why: socket.why, commands: socket.commands });
    assert.deepEqual(
      resultOf(await setUpAs(STEWARD, project())).administrator.map(({ file }) => file?.path),
      [sectionFile()],
    );
  });

  test("gets the command that makes deploy_to, and the next run goes on from there", async () => {
    await start({ socketMode: "0777" });
    const [step] = resultOf(await setUpAs(STEWARD, project())).administrator;
    assert.deepEqual(step?.commands, [`install -d -o nobody -g nogroup -m 0755 ${deployTo()}`]);
    assert.ok(step);
    await obey(step);
    await setUpAs(STEWARD, project());
    assert.deepEqual((await readdir(deployTo())).sort(), [".zdr", "releases", "run", "shared"]);
  });

  test("gets the helper's installation and its sudoers line where a program is somebody else's", async () => {
    await start({ socketMode: "0777" });
    await ownLayout();
    const file = join(dir, "lib/prove.cjs");
    const prove = { bundle: "// prove\n", file, nodePath: "/usr/bin/env" };
    const { administrator } = resultOf(await setUpAs(STEWARD, project([foreign]), prove));
    const step = administrator.find(({ why }) => why.includes("processes of other users"));
    assert.equal(step?.file?.content, `nobody ALL=(root) NOPASSWD: /usr/bin/env -i /usr/bin/env ${file}\n`);
    const [install = "", check = ""] = step.commands;
    for (const command of [install, check]) await runOk(["/bin/sh", "-c", command]);
    assert.deepEqual(
      [await readFile(file, "utf8"), await modeOf(file), (await stat(file)).uid],
      ["// prove\n", "755", 0],
    );
  });

  test("gets no sudoers line for a Node that others than root can change", async () => {
    await start({ socketMode: "0777" });
    await ownLayout();
    const prove = { bundle: "// prove\n", file: join(dir, "lib/prove.cjs"), nodePath: join(deployTo(), "node") };
    const { administrator } = resultOf(await setUpAs(STEWARD, project([foreign]), prove));
    assert.ok(administrator.some(({ why }) => why.includes("is root's alone")));
    assert.ok(!JSON.stringify(administrator).includes("NOPASSWD"));
  });

  test("is told nothing of a helper where all programs are the user's own", async () => {
    await start({ socketMode: "0777" });
    await ownLayout();
    const own = programPlan("overseer", { user: STEWARD });
    const { administrator } = resultOf(await setUpAs(STEWARD, project([own]), { bundle: "// prove\n" }));
    assert.deepEqual(
      administrator.map(({ file }) => file?.path),
      [sectionFile()],
    );
  });
});

test("the keeper is put there for programs that hand over, and its link never goes back to one that it has left", async () => {
  await start();
  const keeper = join(deployTo(), "lib/keeper.cjs");
  const setUpWith = (text: string) =>
    runSetup(hostContext(project([programPlan("grace")])), {
      ...{ dryRun: false, prove: { bundle: undefined }, keeper: text },
    });
  await setUpWith("// old\n");
  assert.deepEqual([await readFile(keeper, "utf8"), await modeOf(keeper)], ["// old\n", "644"]);
  await setUpWith("// new\n");
  assert.equal(await readFile(keeper, "utf8"), "// new\n");
  await setUpWith("// old\n");
  assert.equal(await readFile(keeper, "utf8"), "// new\n");
  const { done } = await setUpWith("// new\n");
  assert.deepEqual(
    done.filter((line) => line.includes("lib/")),
    [],
  );
});

test("as root the helper is put in place", async () => {
  await start();
  const file = join(dir, "lib/zdr/prove.cjs");
  const plan = project([programPlan("overseer", { user: "www-data" })]);
  const setUpWithProof = () => runSetup(hostContext(plan), { dryRun: false, prove: { bundle: "// prove\n", file } });
  const { done } = await setUpWithProof();
  assert.ok(
    done.some((text) => text.startsWith(`wrote ${file}`)),
    done.join("\n"),
  );
  assert.deepEqual([await readFile(file, "utf8"), await modeOf(file)], ["// prove\n", "755"]);
});

describe("a layout that is not safe", () => {
  beforeEach(() => start());
  const refused = async (reason: string, path: string) =>
    assert.rejects(setUp(), ({ failure }) => {
      assert.deepEqual([failure.reason, failure.path], [reason, path]);
      return true;
    });

  test("of somebody else's is refused", async () => {
    await mkdir(deployTo(), { recursive: true });
    await chown(deployTo(), 65534, 65534);
    await refused("foreign-owner", deployTo());
    assert.deepEqual(await readdir(deployTo()), []);
  });

  test("below a folder that anyone may write to is refused, unless it is sticky", async () => {
    await mkdir(join(dir, "web"));
    await chmod(join(dir, "web"), 0o777);
    await refused("unsafe-mode", join(dir, "web"));
    await chmod(join(dir, "web"), 0o1777);
    await setUp();
  });

  test("with a real folder for current is refused", async () => {
    await mkdir(join(deployTo(), "current"), { recursive: true });
    await refused("current-not-a-link", join(deployTo(), "current"));
  });

  test("with a .zdr that others can read is closed", async () => {
    await mkdir(join(deployTo(), ".zdr"), { recursive: true });
    await chmod(join(deployTo(), ".zdr"), 0o755);
    const { done } = await setUp();
    assert.ok(done.includes(`changed the mode of ${deployTo()}/.zdr to 0700`), done.join("\n"));
    assert.equal(await modeOf(join(deployTo(), ".zdr")), "700");
  });
});

test("where supervisord does not run, nothing is made", async () => {
  await start();
  await host.stop();
  await assert.rejects(setUp(), ({ failure }) => failure.reason === "supervisor-not-running");
  assert.deepEqual(await readdir(dir), ["sv"]);
});
