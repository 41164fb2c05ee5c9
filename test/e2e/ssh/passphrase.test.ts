/** An encrypted key where somebody sits at a terminal: what is asked, what is answered, and what Ctrl-C ends. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DIST, startRig } from "../../support/rig.ts";
import { KEYS, openTerminal } from "../../support/screen/terminal.ts";
import { makeKey } from "../../support/sshd.ts";

const PASSPHRASE = "correct horse";
const QUESTION = "Passphrase for ";

/** Opens a terminal with zdr in it, which has an encrypted key only; the host takes it. */
async function onTerminal(t: TestContext, words: string) {
  const cleanup = { after: (clean: () => Promise<void>) => t.after(clean) };
  const key = await makeKey({ type: "ed25519", passphrase: PASSPHRASE });
  const rig = await startRig(cleanup, { via: "ssh", sshd: { moreKeys: [key.public] } });
  await rig.configure({
    build: { path: rig.project },
    ssh: { key: key.path, known_hosts: join(rig.dir, "ssh/known_hosts") },
    programs: { shop: { command: "/bin/true", reload: "restart" } },
  });
  const command = `${process.execPath} ${join(DIST, "zdr.cjs")} ${words}`;
  return openTerminal(cleanup, command, { cwd: rig.project, env: { ...rig.env, TERM: "xterm-256color" } });
}

describe("an encrypted key on a terminal", () => {
  test("is opened by its passphrase, which is not shown", async (t) => {
    const terminal = await onTerminal(t, "status");
    await terminal.shows(QUESTION);
    terminal.type(`${PASSPHRASE}${KEYS.enter}`);
    assert.equal(await terminal.ended, 0, terminal.shown());
    assert.ok(!terminal.shown().includes(PASSPHRASE));
  });

  test("is asked for three times, and then the host is one that lets nobody in", async (t) => {
    const terminal = await onTerminal(t, "status");
    for (const wrong of ["a", "b", "c"]) {
      await terminal.shows(QUESTION);
      terminal.type(`${wrong}${KEYS.enter}`);
    }
    await terminal.shows("accepted by the host, but no passphrase opened it");
    assert.equal(await terminal.ended, 4);
  });

  for (const verb of ["status", "releases", "deploy --tag v1 --dry-run"]) {
    test(`Ctrl-C at the question ends zdr ${verb} as interrupted, not as refused by the host`, async (t) => {
      const terminal = await onTerminal(t, verb);
      await terminal.shows(QUESTION);
      terminal.type(KEYS.interrupt);
      assert.equal(await terminal.ended, 130, terminal.shown());
    });
  }

  test("until the host has answered, nothing says that it did", async (t) => {
    const terminal = await onTerminal(t, "status");
    await terminal.shows(QUESTION);
    assert.ok(!terminal.shown().includes("✔"), terminal.shown());
    terminal.type(KEYS.end);
    assert.equal(await terminal.ended, 4);
    assert.ok(!terminal.shown().includes("✔"), terminal.shown());
  });
});
