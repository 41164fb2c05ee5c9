/** The directory of users (LDAP, sssd) that a program's user comes from does not answer: id(1) hangs. */
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { userNamed } from "../../support/users.ts";

describe("a directory of users that does not answer", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let env: { readonly PATH: string };
  /** As long as this file is there, id(1) hangs. */
  let stuck: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    const folder = join(rig.dir, "bin");
    stuck = join(rig.dir, "stuck");
    await mkdir(folder);
    const script = `#!/bin/sh\n[ -e ${stuck} ] && exec sleep 600\nexec /usr/bin/id "$@"\n`;
    await writeFile(join(folder, "id"), script);
    await chmod(join(folder, "id"), 0o755);
    env = { PATH: `${folder}:${process.env.PATH}` };
    ({ url } = await rig.addSample("go-grace", { watch: 0, start_seconds: 1, user: "nobody" }, { timeout: "5s" }));
    assert.equal((await zdr("setup")).code, 0);
    await rig.useSample("go-grace", { release: "v1" });
    const { code, stderr } = await zdr("deploy", "--tag", "v1");
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const zdr = (...args: string[]) => rig.zdr(args, { env });
  const version = () => textAt(`${url}/version`);
  const current = () => readlink(join(rig.deployTo, "current"));
  const readers = async () => {
    const { uid, gid, mode } = await stat(join(rig.deployTo, "run/shop.json"));
    return { uid, gid, mode: (mode & 0o777).toString(8) };
  };
  const theKeeper = async () => ({ uid: 0, gid: (await userNamed("nobody")).gid, mode: "640" });
  const servesOn = async (release: string) => {
    assert.deepEqual([await current(), await version()], [`releases/${release}`, release]);
    assert.deepEqual(await readers(), await theKeeper());
  };

  test("a deploy is refused by name, and nothing is changed", { timeout: 180_000 }, async () => {
    await rig.useSample("go-grace", { release: "v2" });
    await writeFile(stuck, "");
    const { code, stderr } = await zdr("deploy", "--tag", "v2");
    assert.equal(code, 5, stderr);
    assert.match(stderr, /id\(1\) did not say within 5 s who user nobody is/);
    await servesOn("v1");
  });

  test("where it hangs from the flip on, a bad release is taken back all the same", { timeout: 180_000 }, async () => {
    await rm(stuck, { force: true });
    await rig.configure({ hooks: { before_activate: [{ shell: `touch ${stuck}` }] } });
    await rig.useSample("go-grace", { release: "v3", variant: "unhealthy" });
    const { code, stderr } = await zdr("deploy", "--tag", "v3");
    assert.equal(code, 7, stderr);
    await servesOn("v1");
  });

  test("so it is by the next command, for an agent that has died", { timeout: 180_000 }, async () => {
    await rm(stuck, { force: true });
    await rig.useSample("go-grace", { release: "v4", variant: "unhealthy" });
    const cut = rig.startZdr(["deploy", "--tag", "v4"], { env });
    await eventually(async () => (await current()) === "releases/v4", { name: "the flip", timeoutMs: 30_000 });
    const folder = join(rig.deployTo, ".zdr");
    const numbers = (await readdir(folder)).flatMap((file) => /^lock\.(\d+)$/.exec(file)?.[1] ?? []);
    const lock = join(folder, `lock.${Math.max(...numbers.map(Number))}`);
    process.kill((JSON.parse(await readFile(lock, "utf8")) as { pid: number }).pid, "SIGKILL");
    await cut.done;
    const { stderr } = await zdr("reload");
    assert.match(stderr, /reverted: v1/);
    await servesOn("v1");
  });
});
