/** `zdr init` where somebody sits: what it asks, what Enter takes, and that whoever leaves in the middle leaves nothing behind. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DIST } from "../../support/rig.ts";
import { KEYS, openTerminal } from "../../support/screen/terminal.ts";

/** What is asked in a folder that says nothing, in this order, with what Enter takes. */
const QUESTIONS = [
  ["Name of the project", "web"],
  ["Hosts, with blanks between", "deploy@web1.example.com"],
  ["Folder on the hosts", "/data/web/web"],
  ["How it takes a new release", "restart"],
  ["Command, under current/", "bin/web"],
  ["URL that tells on the host whether it is healthy, or none", "http://127.0.0.1:8080/healthz"],
] as const;

async function onTerminal(t: TestContext, TERM: string, words = "init") {
  const dir = await mkdtemp(join(tmpdir(), "zdr-terminal-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const env = { TERM, CI: undefined, NO_COLOR: "1", FORCE_COLOR: undefined };
  const open = () =>
    openTerminal({ after: (clean) => t.after(clean) }, `${process.execPath} ${join(DIST, "zdr.cjs")} ${words}`, {
      cwd: dir,
      env,
    });
  return { dir, open, config: () => readFile(join(dir, "deploy.yml"), "utf8") };
}

for (const TERM of ["xterm-256color", "dumb"]) {
  describe(`zdr init on a terminal, TERM=${TERM}`, { concurrency: false }, () => {
    test("asks what nobody has said; Enter takes what stands in brackets", async (t) => {
      const { open, config } = await onTerminal(t, TERM, "init --project web");
      const terminal = open();
      for (const [question, suggestion] of QUESTIONS.slice(1)) {
        await terminal.shows(question);
        await terminal.shows(`[${suggestion}]: `);
        terminal.type(KEYS.enter);
      }
      await terminal.shows("next: zdr doctor, zdr setup");
      assert.equal(await terminal.ended, 0);
      const text = await config();
      for (const line of ["project: web", "deploy_to: /data/web/web", "reload: restart", "command: bin/web"]) {
        assert.match(text, new RegExp(`^ *${line}$`, "m"));
      }
      assert.match(text, /deploy@web1\.example\.com/);
      assert.match(text, /http:\/\/127\.0\.0\.1:8080\/healthz/);
    });

    test("takes what is typed, mended with backspace, and several hosts", async (t) => {
      const { dir, open, config } = await onTerminal(t, TERM);
      await writeFile(join(dir, "go.mod"), "module example.com/shop\n");
      const terminal = open();
      for (const [question, answer] of [
        ["Name of the project", `shopx${KEYS.backspace}`],
        ["Hosts, with blanks between", "a@web1 b@web2"],
        ["Folder on the hosts", ""],
        ["How it takes a new release", "tableflip"],
        ["URL that tells on the host", "none"],
      ] as const) {
        await terminal.shows(question);
        await terminal.shows("]: ");
        terminal.type(`${answer}${KEYS.enter}`);
      }
      assert.equal(await terminal.ended, 0, terminal.shown());
      const text = await config();
      assert.match(text, /^project: shop$/m);
      assert.match(text, /a@web1/);
      assert.match(text, /b@web2/);
      assert.match(text, /^deploy_to: \/data\/web\/shop$/m);
      assert.match(text, /^ *reload: tableflip$/m);
      assert.match(text, /^ *command: bin\/shop$/m);
      assert.doesNotMatch(text, /^ *health:/m);
    });

    test("says at once what is wrong with an answer, and asks again", async (t) => {
      const { open, config } = await onTerminal(t, TERM, "init --project web");
      const terminal = open();
      for (const [question, wrong, complaint, right] of [
        ["Hosts, with blanks between", "a@b@c:x", "warning:", "a@web1"],
        ["Folder on the hosts", "data/web", "warning:", "/data/web/web"],
        ["How it takes a new release", "overser", "overseer", "overseer"],
        ["Command, under current/", "/usr/bin/../x 'y", "warning:", "bin/web"],
        ["URL that tells on the host", "8080/healthz", "warning:", "none"],
      ] as const) {
        await terminal.shows(question);
        await terminal.shows("]: ");
        terminal.type(`${wrong}${KEYS.enter}`);
        await terminal.shows(complaint);
        await terminal.shows(question);
        await terminal.shows("]: ");
        terminal.type(`${right}${KEYS.enter}`);
      }
      assert.equal(await terminal.ended, 0, terminal.shown());
      assert.match(await config(), /^ *reload: overseer$/m);
    });

    for (const [key, name] of [
      [KEYS.interrupt, "Ctrl-C"],
      [KEYS.end, "Ctrl-D"],
    ] as const) {
      test(`${name} at any question ends it with 130, and nothing is left behind`, async (t) => {
        // The sample says the rest.
        const asked = [QUESTIONS[0], QUESTIONS[1], QUESTIONS[2], QUESTIONS[5]];
        for (const [last] of asked) {
          const { dir, open } = await onTerminal(t, TERM, "init --sample gunicorn --ci github");
          const terminal = open();
          for (const [question] of asked) {
            await terminal.shows(question);
            await terminal.shows("]: ");
            if (question === last) break;
            terminal.type(KEYS.enter);
          }
          terminal.type(key);
          assert.equal(await terminal.ended, 130, terminal.shown());
          assert.match(terminal.shown(), /\nzdr: error: interrupted by SIGINT\r\nzdr: state: no host was touched\r\n/);
          assert.deepEqual(await readdir(dir), []);
        }
      });
    }
  });
}

test("a terminal that understands nothing is sent no escape sequences", async (t) => {
  const { open } = await onTerminal(t, "dumb", "init --project web");
  const terminal = open();
  await terminal.shows("Hosts, with blanks between");
  await terminal.shows("]: ");
  terminal.type(`web1${KEYS.backspace}2${KEYS.enter}`);
  await terminal.shows("Folder on the hosts");
  terminal.type(KEYS.interrupt);
  await terminal.ended;
  assert.doesNotMatch(terminal.shown(), /\x1b/);
});
