/** `zdr init` in real folders: what it writes can be read, and it writes over nothing. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { run } from "../../support/processes.ts";
import { DIST } from "../../support/rig.ts";
import { presetOf, SAMPLE_BINARY, type SampleName } from "../../support/samples.ts";
import { assertTold, resultOf } from "../../support/wrong-world.ts";

const SAMPLE_NAMES = Object.keys(SAMPLE_BINARY) as SampleName[];

async function folder(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "zdr-init-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const zdr = (...args: string[]) =>
    run([process.execPath, join(DIST, "zdr.cjs"), ...args], { cwd: dir, env: { CI: undefined, NO_COLOR: "1" } });
  return { dir, zdr, read: (name: string) => readFile(join(dir, name), "utf8") };
}

for (const sample of SAMPLE_NAMES) {
  const preset = presetOf(sample);
  test(`in an empty folder, the sample ${sample} comes with a deploy.yml for reload: ${preset}, and zdr reads it`, async (t) => {
    const { dir, zdr, read } = await folder(t);
    const { code, stdout, stderr } = await zdr("init", "--sample", sample, "--on", "deploy@web1.invalid");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^wrote .*deploy\.yml.*\nnext: zdr doctor, zdr setup, /ms);
    const text = await read("deploy.yml");
    assert.match(text, new RegExp(`^ {4}reload: ${preset}$`, "m"));
    // What a sample says of itself, nobody has to guess.
    assert.doesNotMatch(text, /is a guess/);
    assert.ok((await readdir(dir)).length > 1);
    // The loader has no complaint: what is in the way is the host.
    assertTold(await zdr("status"), { exit: 4, error: /web1\.invalid/ });
  });
}

test("a deploy.yml that is there stays as it is, unless --force is given", async (t) => {
  const { dir, zdr, read } = await folder(t);
  await writeFile(join(dir, "deploy.yml"), "project: mine\n");
  await writeFile(join(dir, "go.mod"), "module shop\n");
  const args = ["init", "--on", "local", "--health", "none"];
  assertTold(await zdr(...args), { exit: 2, error: /deploy\.yml is there already/, hint: /--force/ });
  assert.equal(await read("deploy.yml"), "project: mine\n");
  assert.equal((await zdr(...args, "--force")).code, 0);
  assert.match(await read("deploy.yml"), /project: shop/);
});

test("nothing is written, not even the sample, where a deploy.yml is there", async (t) => {
  const { dir, zdr } = await folder(t);
  await writeFile(join(dir, "deploy.yml"), "project: mine\n");
  const result = await zdr("init", "--on", "local", "--sample", "gunicorn");
  assertTold(result, { exit: 2, error: /deploy\.yml is there already/ });
  assert.deepEqual(await readdir(dir), ["deploy.yml"]);
});

test("a deploy.yml that is to stand elsewhere stands there, and builds what lies here", async (t) => {
  const { dir, zdr, read } = await folder(t);
  const words = ["init", "--sample", "gunicorn", "--on", "local", "--health", "none"];
  const { code, stdout, stderr } = await zdr(...words, "--config", "config/deploy.yml");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /next: zdr doctor -c config\/deploy\.yml, zdr setup -c /);
  const { build } = parse(await read("config/deploy.yml"));
  assert.equal(build.path, "../build");
  assert.match(build.run, /^cd \.\. && rm -rf build && /);
  const whole = join(dir, "other", "made.yml");
  assert.equal((await zdr("init", "--on", "local", "--health", "none", "--config", whole)).code, 0);
  assert.match(await read("other/made.yml"), /path: "\.\.\/build"/);
});

test("a file that can not be written is told, and is no bug of zdr's", async (t) => {
  const { dir, zdr } = await folder(t);
  await writeFile(join(dir, "file"), "");
  const result = await zdr("init", "--on", "local", "--health", "none", "--config", "file/deploy.yml");
  assertTold(result, { exit: 2, error: /file\/deploy\.yml could not be written: (EEXIST|ENOTDIR)/, hint: /--config/ });
});

test("what the folder does not say comes from flags, and is checked as deploy.yml would be", async (t) => {
  const { zdr, read } = await folder(t);
  assertTold(await zdr("init"), { exit: 2, error: /init needs the hosts/, hint: /--on/ });
  const flags = [
    "--on",
    "a@b",
    "--project",
    "api",
    "--reload",
    "tableflip",
    "--command",
    "bin/api -p 1",
    "--health",
    "none",
  ];
  assertTold(await zdr("init", ...flags, "--deploy-to", "not/absolute"), {
    exit: 2,
    error: /^--deploy-to: is not absolute/,
  });
  const result = await zdr("init", ...flags, "--deploy-to", "/srv/api", "--json");
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(resultOf<{ wrote: string[] }>(result).wrote, ["deploy.yml"]);
  assert.match(await read("deploy.yml"), /command: "bin\/api -p 1"/);
});

test("the CI job comes along where it is asked for, and is not written over", async (t) => {
  const { dir, zdr, read } = await folder(t);
  await writeFile(join(dir, "zdr.gitlab-ci.yml"), "mine\n");
  const flags = ["--on", "local", "--health", "none", "--force"];
  assert.equal((await zdr("init", ...flags, "--ci", "github")).code, 0);
  assert.match(await read(".github/workflows/deploy.yml"), /zdr/);
  assert.match(await read(".github/actions/zdr/action.yml"), /ssh-agent/);
  assertTold(await zdr("init", ...flags, "--ci", "jenkins"), { exit: 2, error: /no CI job for "jenkins"/ });
  const kept = await zdr("init", "--on", "local", "--health", "none", "--config", "other.yml", "--ci", "gitlab");
  assert.match(kept.stderr, /zdr\.gitlab-ci\.yml is there already/);
  assert.equal(await read("zdr.gitlab-ci.yml"), "mine\n");
});

test("an unknown sample or preset is refused with those that there are", async (t) => {
  const { zdr } = await folder(t);
  assertTold(await zdr("init", "--on", "local", "--sample", "go-nothing"), {
    exit: 2,
    error: /no sample/,
    hint: /go-grace/,
  });
  assertTold(await zdr("init", "--on", "local", "--reload", "magic"), {
    exit: 2,
    error: /no preset/,
    hint: /gunicorn/,
  });
});

test("without a terminal it says which keys it has guessed, in deploy.yml too, and what it has made of a name", async (t) => {
  const { zdr, read } = await folder(t);
  const { code, stdout, stderr } = await zdr("init", "--on", "local", "--project", "My Shop!");
  assert.equal(code, 0, stderr);
  for (const key of ["build", "command", "reload", "health"]) {
    assert.match(stdout, new RegExp(`^look at ${key}: `, "m"));
    assert.match(await read("deploy.yml"), new RegExp(`^# Look at: ${key}: `, "m"));
  }
  assert.match(stderr, /the project is called My-Shop/);
});
