/** Commands of the project that run when a release gets somewhere: on the host, and where zdr runs. */
import assert from "node:assert/strict";
import { access, cp, mkdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePort } from "../support/load/free-port.ts";
import { type Rig, startRig } from "../support/rig.ts";
import type { Variant } from "../support/samples.ts";
import { assertTold, resultOf } from "../support/wrong-world.ts";

describe("hooks", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let diary: string;
  let count = 0;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    diary = join(rig.dir, "diary");
    await rig.addSample("gunicorn", { watch: 0 }, { timeout: "5s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await deploy({}, 0);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const deploy = async (hooks: object, exit: number, variant: Variant = "good") => {
    const tag = `v${++count}`;
    await rig.useSample("gunicorn", { release: tag, variant });
    await rig.configure({ hooks });
    await rm(diary, { force: true });
    const result = await rig.zdr(["deploy", "--tag", tag]);
    assert.equal(result.code, exit, result.stderr);
    return { ...result, tag };
  };
  const note = (text: string) => ({ shell: `echo "${text}" >>${diary}` });
  const written = async () => (await readFile(diary, "utf8")).trimEnd().split("\n");
  const current = () => readlink(join(rig.deployTo, "current"));

  test("run in the order of a deploy, and are told what it is about", async () => {
    const was = await current();
    const line = note("$ZDR_HOOK $ZDR_TAG $ZDR_PREVIOUS $ZDR_WHY $ZDR_PROJECT $(basename $PWD)");
    const events = ["before_stage", "after_stage", "before_activate", "after_activate", "before_keep", "after_keep"];
    const { tag } = await deploy(Object.fromEntries(events.map((when) => [when, [line]])), 0);
    const before = was.replace("releases/", "");
    assert.deepEqual(await written(), [
      `before_stage ${tag} ${before} deploy rig web`,
      ...events.slice(1).map((when) => `${when} ${tag} ${before} deploy rig ${tag}`),
    ]);
  });

  test("are named by plan and dry-run with where and when they would run, and are not run", async () => {
    const path = join(rig.dir, "build-with-hooks");
    await cp(await rig.useSample("gunicorn", { release: "v99" }), path, { recursive: true });
    await mkdir(join(path, "bin"));
    for (const program of ["migrate", "smoke-test"]) await writeFile(join(path, "bin", program), "", { mode: 0o755 });
    await rig.configure({
      build: { path },
      hooks: {
        before_activate: [
          { run: "bin/migrate up", once: true, timeout: "30s" },
          { ...note("ahead"), on: "local" },
        ],
        before_keep: [{ run: "bin/smoke-test" }],
        after_revert: [note("back")],
      },
    });
    await rm(diary, { force: true });
    for (const words of [["plan"], ["deploy", "--dry-run"]]) {
      const { stdout } = await rig.zdr([...words, "--tag", "v99"]);
      const [, told = ""] = stdout.split("\nhooks:\n");
      assert.deepEqual(
        told.split("\n").filter((line) => line.startsWith("  ")),
        [
          `  before_activate, here: echo "ahead" >>${diary} (10 min at most; if it fails: stops the deploy)`,
          "  before_activate, local: bin/migrate up (30 s at most; if it fails: stops the deploy)",
          "  before_keep, local: bin/smoke-test (10 min at most; if it fails: reverts)",
          `  after_revert, local: echo "back" >>${diary} (10 min at most; if it fails: a warning, only where it goes back)`,
        ],
      );
    }
    await assert.rejects(readFile(diary), "none has run");
  });

  test("whose program is not in the build are refused before anything is sent, by plan too", async () => {
    await rig.useSample("gunicorn", { release: "v98" });
    const was = await current();
    await rig.configure({ hooks: { before_keep: [{ run: "bin/smoke" }], after_keep: [{ run: "./app.py" }] } });
    for (const verb of ["plan", "deploy"]) {
      const result = await rig.zdr([verb, "--tag", "v98"]);
      assertTold(result, {
        exit: 2,
        error: /bin\/smoke, which the hook before_keep runs .* is not in it/,
        hint: /hooks:/,
      });
    }
    assert.equal(await current(), was);
    await assert.rejects(access(join(rig.deployTo, "releases/v98")));
    await rig.configure({ hooks: { after_keep: [{ run: "./app.py" }] } });
    const { stderr } = await rig.zdr(["plan", "--tag", "v98"]);
    assert.match(
      stderr,
      /warning: the build: \.\/app\.py, which the hook after_keep runs in the release, is not executable/,
    );
  });

  test("a migration that fails before the flip stops the deploy, and nothing that serves was changed", async () => {
    const was = await current();
    const migrate = { shell: "echo no such table; exit 3", once: true };
    const result = await deploy({ before_activate: [migrate, note("never")], after_keep: [note("never")] }, 5);
    assertTold(result, {
      exit: 5,
      error: /local: the hook before_activate failed: \/bin\/sh -c .*: exit 3: no such table/,
      state: new RegExp(`holds ${result.tag} and still serves`),
    });
    assert.equal(await current(), was);
    await assert.rejects(readFile(diary), "no hook behind it has run");
  });

  test("a migration is not begun for a release that can not run", async () => {
    const was = await current();
    const ahead = [{ ...note("once"), once: true }, { ...note("here"), on: "local" }, note("each")];
    const result = await deploy({ after_stage: [note("staged")], before_activate: ahead }, 5, "crash-in-check");
    assertTold(result, {
      exit: 5,
      error: /local: program "shop" cannot be run from this release/,
      hint: /./,
      state: new RegExp(`holds ${result.tag} and still serves`),
    });
    assert.deepEqual(await written(), ["staged"]);
    assert.equal(await current(), was);
  });

  test("one that fails after the flip costs the release, unless it says warn", async () => {
    const was = await current();
    const broken = { run: ["/bin/false"] };
    const hooks = { before_keep: [broken], before_revert: [note("before $ZDR_REASON")], after_revert: [note("after")] };
    const result = await deploy(hooks, 7);
    assert.match(result.stderr, /error: local: the hook before_keep failed: \/bin\/false: exit 1/);
    assert.doesNotMatch(result.stdout, /not measured/);
    assert.equal(await current(), was);
    assert.deepEqual(await written(), ["before hook-failed", "after"]);
    const warned = await deploy({ before_keep: [{ ...broken, on_failure: "warn" }], after_keep: [broken] }, 0);
    assert.match(warned.stderr, /warning: local: the hook before_keep failed: \/bin\/false: exit 1/);
    assert.match(warned.stderr, /warning: local: the hook after_keep failed: \/bin\/false: exit 1/);
  });

  test("a release that fails by itself runs those of a revert", async () => {
    const hooks = { after_keep: [note("kept")], after_revert: [note("$ZDR_REASON"), { ...note("here"), on: "local" }] };
    await deploy(hooks, 7, "unhealthy");
    assert.deepEqual(await written(), ["unhealthy", "here"]);
  });

  test("one that can not even be begun keeps nothing from going back", async () => {
    const was = await current();
    const impossible = { run: ["/etc/passwd/hook"] };
    const { stderr } = await deploy({ before_revert: [impossible], after_revert: [note("after")] }, 7, "unhealthy");
    assert.match(stderr, /warning: local: the hook before_revert failed: \/etc\/passwd\/hook: .*ENOTDIR/);
    assert.equal(await current(), was);
    assert.deepEqual(await written(), ["after"]);
  });

  test("run here too, beside deploy.yml, and one that fails before the flip stops the deploy", async () => {
    const here = { shell: `echo "$(basename $PWD) $ZDR_HOOK" >>${diary}`, on: "local" };
    await deploy({ before_stage: [here], after_keep: [here] }, 0);
    assert.deepEqual(await written(), ["project before_stage", "project after_keep"]);
    const was = await current();
    const result = await deploy({ before_stage: [{ run: "/bin/false", on: "local" }] }, 5);
    assert.match(result.stderr, /error: the hook before_stage, which runs here, failed: \/bin\/false: exit 1/);
    assert.equal(await current(), was);
  });

  test("one that hangs is ended when its time is over, with all that it has started", async () => {
    const result = await deploy({ before_activate: [{ shell: "echo waits; sleep 600 & wait", timeout: "1s" }] }, 5);
    assert.match(result.stderr, /did not end within 1 s: waits/);
  });

  test("webhooks are told what became of a release, and one that can not be told is a warning without its URL", async (t) => {
    const told: { event: string; tag: string; exit?: number; text: string }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (text) => {
        body += text;
      });
      request.on("end", () => {
        told.push(JSON.parse(body));
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
    const closed = `http://127.0.0.1:${await freePort()}/secret`;
    await rig.configure({
      notify: [{ url }, { url: closed, template: "slack", on: ["kept"] }, { url: { env: "NO_HOOK" } }],
    });
    const kept = await deploy({}, 0);
    const reverted = await deploy({ before_keep: [{ run: "/bin/false" }] }, 7);
    const refused = await deploy({}, 5, "crash-in-check");
    assert.deepEqual(
      told.map(({ event, tag, exit }) => [event, tag, exit]),
      [
        ["started", kept.tag, undefined],
        ["kept", kept.tag, 0],
        ["started", reverted.tag, undefined],
        ["reverted", reverted.tag, 7],
        ["started", refused.tag, undefined],
        ["reverted", refused.tag, 5],
      ],
    );
    assert.match(told[3]?.text ?? "", new RegExp(`rig ${reverted.tag} was not kept: local serves ${kept.tag} again`));
    assert.match(kept.stderr, /warning: the slack webhook was not told "kept": ECONNREFUSED/);
    assert.match(kept.stderr, /warning: the generic webhook of NO_HOOK was not told "started": no URL is set/);
    assert.doesNotMatch(kept.stderr, /secret/);
    await rig.configure({ notify: undefined });
  });

  test("none runs where the release serves already, also where that is what was planned", async () => {
    const { tag } = await deploy({}, 0);
    const all = ["before_stage", "after_stage", "before_activate", "after_keep"];
    await rig.configure({ hooks: Object.fromEntries(all.map((when) => [when, [{ ...note(when), once: true }]])) });
    const planned = await rig.zdr(["plan", "--tag", tag, "--json"]);
    assert.equal(planned.code, 0, planned.stderr);
    const { id, hooks } = resultOf<{ id: string; hooks: unknown[] }>(planned);
    assert.deepEqual(hooks, []);
    const { code, stderr } = await rig.zdr(["deploy", "--tag", tag, "--plan", id]);
    assert.equal(code, 0, stderr);
    await assert.rejects(readFile(diary), "none has run");
  });

  test("a rollback runs those of its activation", async () => {
    await rig.configure({ hooks: { before_stage: [note("stage")], before_activate: [note("$ZDR_WHY $ZDR_TAG")] } });
    await rm(diary, { force: true });
    const { code, stderr } = await rig.zdr(["rollback"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await written(), [`rollback ${(await current()).replace("releases/", "")}`]);
  });

  test("a rollback to a release that was changed by hand begins none", async () => {
    const was = await current();
    await rig.configure({ hooks: {} });
    const before = await deploy({}, 0);
    await deploy({ before_activate: [{ ...note("once"), once: true }] }, 0);
    await writeFile(join(rig.deployTo, "releases", before.tag, "app.py"), "changed");
    await rm(diary, { force: true });
    const result = await rig.zdr(["rollback"]);
    assertTold(result, { exit: 5, error: new RegExp(`${before.tag}.*app\\.py`), hint: /./ });
    await assert.rejects(readFile(diary), "none has run");
    assert.notEqual(await current(), was);
  });
});
