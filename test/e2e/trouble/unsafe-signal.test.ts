/**
 * A supervisord that is not root, and a program that became another user. A signal that supervisord may not send makes it
 * lose track of the program, and end when the program does: so nothing is asked for that would send one.
 */
import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ConfigParts, type Rig, startRig } from "../../support/rig.ts";
import { installNode } from "../../support/root-node.ts";
import { buildSample } from "../../support/samples.ts";
import { addTemporaryUser } from "../../support/temporary-user.ts";
import { answerOf, assertTold, stateOfProgram } from "../../support/wrong-world.ts";

const PROGRAM_USER = "www-data";

describe("a supervisord that is not root, and a program that became somebody else", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url = "";
  let config: ConfigParts;

  before(async () => {
    const user = await addTemporaryUser();
    cleanUps.push(() => user.remove());
    const node = await installNode();
    cleanUps.push(() => node.remove());
    const sudoers = `/etc/sudoers.d/zdr-test-${process.pid}`;
    // Without a session to close, sudo does not wait beside the program: it becomes it.
    const become = `Defaults:${user.name} !env_reset,!pam_session,!pam_setcred,!use_pty`;
    await writeFile(sudoers, `${become}\n${user.name} ALL=(${PROGRAM_USER}) NOPASSWD: ALL\n`, { mode: 0o440 });
    cleanUps.push(() => rm(sudoers, { force: true }));
    rig = await startRig(
      { after: (clean) => void cleanUps.push(clean) },
      { user: user.name, supervisord: { user: user.name }, hostNode: node.path },
    );
    /** Where the deploying user, who also runs zdr here, can read it. */
    const useRelease = async (release: string) => {
      const path = join(rig.dir, release);
      await cp(await buildSample("node-plain", { release }), path, { recursive: true });
      await rig.configure({ build: { path } });
    };
    const sample = await rig.addSample("node-plain", { start_seconds: 1, watch: "300ms" });
    url = sample.url;
    config = JSON.parse(await readFile(rig.configPath, "utf8")).programs.shop;
    const command = ["/usr/bin/sudo", "-n", "-u", PROGRAM_USER, node.path, "{current}/server.mjs"];
    await rig.configure({
      programs: { shop: { ...config, command: [...command, "--addr", `127.0.0.1:${sample.port}`] } },
    });
    await useRelease("v1");
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    await useRelease("v2");
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });

  for (const args of [["deploy", "--tag", "v2"], ["restart"], ["stop"]]) {
    test(`zdr ${args.join(" ")} is refused: a signal that supervisord may not send would end supervisord`, async () => {
      const error = /"shop" \(pid \d+\) runs as uid 33 and supervisord as uid \d+: .*none was sent/;
      assertTold(await rig.zdr(args), { exit: 5, error, state: /not touched/, hint: /run supervisord as root/ });
      assert.deepEqual([await answerOf(url), await stateOfProgram(rig)], ["200 v1", "RUNNING"]);
      assert.equal((await rig.supervisord.ctl(["pid"])).stdout.trim(), String(rig.supervisord.pid));
    });
  }
});
