/** Who runs the keeper, and who may talk to it. */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { SetupResult } from "../../../agent/wire/setup.ts";
import { reportIn, resultIn } from "../../support/load/deploy-series.ts";
import { run, runOk } from "../../support/processes.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { addTemporaryUser } from "../../support/temporary-user.ts";
import { userNamed } from "../../support/users.ts";

const HASTE = { watch: 0, start_seconds: 1 };

async function deployTwice(rig: Rig, proof: string, evidence = /^pid \d+ executes (one|two)$/): Promise<void> {
  await rig.useSample("go-grace", { release: "v1" });
  for (const [tag, release, action] of [
    ["one", "v1", "start"],
    ["two", "v2", "reload"],
  ] as const) {
    await rig.useSample("go-grace", { release });
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", tag, "--json"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    const report = reportIn(stdout, stderr);
    assert.deepEqual([report.action, report.proof], [action, proof]);
    for (const text of report.evidence) assert.match(text, evidence);
  }
}

type Step = SetupResult["administrator"][number];

async function obey(steps: readonly Step[]): Promise<void> {
  for (const { commands, file } of steps) {
    if (file !== undefined) await writeFile(file.path, file.content);
    for (const command of commands) await runOk(["/bin/sh", "-c", command]);
  }
}

async function uidOf(rig: Rig): Promise<number> {
  const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout.trim();
  return Number(/^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}

test("root deploys a program of another user: its keeper is that user's, which may read what it runs and change nothing of it", async (t) => {
  const { uid, gid } = await userNamed("nobody");
  const rig = await startRig(t);
  await rig.addSample("go-grace", { ...HASTE, user: "nobody", environment: { TOKEN: "s3cret" } });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  await deployTwice(rig, "processes");
  assert.equal(await uidOf(rig), uid);
  const told = await stat(join(rig.deployTo, "run/shop.json"));
  assert.deepEqual([told.uid, told.gid, told.mode & 0o777], [0, gid, 0o640]);
  await mayOnlyRead(rig, { uid, gid });
  const { stdout } = await rig.zdr(["setup"]);
  assert.doesNotMatch(stdout, /changed|made|wrote/);
});

/** What the keeper is, what it reads, and what decides which release it starts. */
const READ = ["lib/keeper.cjs", "run/shop.json", "current/bin/shop"];
const FOLDERS = ["", "lib", "run", "releases", "current", ".zdr"];

async function mayOnlyRead({ deployTo }: Rig, user: { readonly uid: number; readonly gid: number }): Promise<void> {
  const succeeds = async (command: string) =>
    (await run(["/bin/sh", "-c", command], { cwd: deployTo, ...user })).code === 0;
  for (const path of READ) {
    assert.ok(await succeeds(`cat ${path}`), path);
    assert.ok(!(await succeeds(`: >> ${path}`)), `${path} can be written to`);
    assert.ok(!(await succeeds(`chmod u+w ${path}`)), `${path} can be given away`);
  }
  for (const folder of FOLDERS)
    assert.ok(!(await succeeds(`: > ./${folder}/new`)), `something can be put into ./${folder}`);
  assert.ok(!(await succeeds("ls .zdr")));
}

test("nobody has to be root", async (t) => {
  const user = await addTemporaryUser();
  const rig = await startRig(t, { via: "ssh", user: user.name, supervisord: { user: user.name } });
  t.after(() => user.remove());
  await rig.addSample("go-grace", HASTE);
  assert.equal((await rig.zdr(["setup"])).code, 0);
  await deployTwice(rig, "processes");
  assert.equal(await uidOf(rig), user.uid);
});

/** A host of root's supervisord, a program of www-data that is told a secret, and somebody else who deploys. */
async function foreignRig(t: Parameters<typeof startRig>[0], prepare?: (user: string) => Promise<unknown>) {
  const user = await addTemporaryUser();
  await prepare?.(user.name);
  const supervisord = { socketMode: "0770", socketOwner: `root:${user.name}` };
  const rig = await startRig(t, { via: "ssh", user: user.name, supervisord });
  t.after(() => user.remove());
  await rig.configure({ proof: "required" });
  await rig.addSample("go-grace", { ...HASTE, user: "www-data", environment: { TOKEN: "s3cret" } });
  const { code, stdout } = await rig.zdr(["setup", "--json"]);
  assert.equal(code, 5, stdout);
  const { data } = resultIn(stdout) as { data: { hosts: { result: SetupResult }[] } };
  const steps = data.hosts[0]?.result.administrator ?? [];
  const those = (pattern: RegExp) => steps.filter(({ commands }) => commands.some((command) => pattern.test(command)));
  return { rig, user, steps, runFolder: those(/run\/shop$/), draft: those(/run\/\.shop$/), sections: those(/reread/) };
}

test("root's supervisord, a program of www-data, and somebody else without sudo: the keeper is the proof", async (t) => {
  const { rig, steps, runFolder, draft, sections } = await foreignRig(t);
  assert.deepEqual(steps.length, runFolder.length + draft.length + sections.length);
  await obey([...draft, ...sections]);
  await rig.useSample("go-grace", { release: "v1" });
  const early = await rig.zdr(["deploy", "--tag", "early"]);
  assert.equal(early.code, 5, `${early.stdout}${early.stderr}`);
  assert.match(early.stderr, /may not look into, and deploy\.yml says proof: required/);
  await obey(runFolder);
  await deployTwice(rig, "processes", /^pid \d+ executes (one|two), says its keeper$/);
  const again = await rig.zdr(["setup", "--json"]);
  assert.equal(again.code, 0, again.stdout);
});

test("a secret of a program of another user: everybody's until setup's folder is there, and told so by its name", async (t) => {
  const { gid } = await userNamed("www-data");
  const { rig, user, runFolder, draft, sections } = await foreignRig(t);
  await obey([...runFolder, ...sections]);
  const spec = join(rig.deployTo, "run/shop.json");
  const access = async () => {
    const { uid, gid: group, mode } = await stat(spec);
    return [uid === user.uid, group === gid, (mode & 0o777).toString(8)];
  };
  await rig.useSample("go-grace", { release: "v1" });
  const open = await rig.zdr(["deploy", "--tag", "one"]);
  assert.equal(open.code, 0, open.stderr);
  assert.match(open.stderr, /warning: .*shop: everybody on this host will be able to read TOKEN in .*run\/shop\.json/);
  assert.doesNotMatch(open.stderr, /s3cret/);
  assert.deepEqual(await access(), [true, false, "644"]);

  await obey(draft);
  await rig.useSample("go-grace", { release: "v2" });
  const closed = await rig.zdr(["deploy", "--tag", "two"]);
  assert.equal(closed.code, 0, closed.stderr);
  assert.doesNotMatch(closed.stderr, /TOKEN/);
  assert.deepEqual(await access(), [true, true, "640"]);
  // The keeper can read it: it starts the program by it.
  assert.equal((await rig.zdr(["restart"])).code, 0);
});

test("who is in the group of the program's user gives it the secret, and needs no folder for it", async (t) => {
  const { gid } = await userNamed("www-data");
  const { rig, draft, runFolder, sections } = await foreignRig(t, (name) =>
    runOk(["usermod", "-aG", "www-data", name]),
  );
  assert.deepEqual(draft, []);
  await obey([...runFolder, ...sections]);
  await deployTwice(rig, "processes", /says its keeper$/);
  const found = await stat(join(rig.deployTo, "run/shop.json"));
  assert.deepEqual([found.gid, found.mode & 0o777], [gid, 0o640]);
});
