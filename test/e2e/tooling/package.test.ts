/** What `npm install -g` gives: the package alone, without network, on a machine that has nothing else. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Packed, packZdr } from "../../support/ci/package.ts";
import { run, runOk } from "../../support/processes.ts";
import { node16, startRig } from "../../support/rig.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

describe("the npm package", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let packed: Packed;
  const zdr = () => join(packed.bin, "zdr");

  before(async () => {
    packed = await packZdr({ after: (clean) => cleaning.push(clean) });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  test("holds what is run and what users start from, and no more", () => {
    const paths = packed.contents.map(({ path }) => path);
    for (const name of ["zdr", "cli", "agent", "prove", "keeper"]) assert.ok(paths.includes(`dist/${name}.cjs`), name);
    for (const name of ["page.js", "page.css"]) assert.ok(paths.includes(`dist/${name}`), name);
    const known =
      /^(?:dist\/[\w.-]+\.(?:cjs|txt)|dist\/page\.(?:js|css)|templates\/(?:apps|ci)\/.*|deploy\.example\.yml|docs\/(?:zdr\.1|hooks\.md|strategies\.md)|package\.json|[A-Z]+(?:\.md)?)$/;
    assert.deepEqual(
      paths.filter((path) => !known.test(path)),
      [],
    );
  });

  test("asks for no other package, and runs nothing while it is installed", async () => {
    const { scripts, ...written } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    const installing = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
    assert.deepEqual(
      Object.keys(scripts).filter((name) => installing.includes(name)),
      [],
    );
    for (const field of ["dependencies", "optionalDependencies", "peerDependencies", "bundleDependencies"]) {
      assert.equal(written[field], undefined, field);
    }
    assert.equal(written.engines.node, "^22.22.2 || ^24.15.0 || >=26");
  });

  test("is as publint wants it", async () => {
    const publint = join(ROOT, "node_modules/.bin/publint");
    await runOk([process.execPath, publint, "run", packed.file, "--strict"], { cwd: ROOT, env: packed.npmEnv });
  });

  test("installs into an empty folder without network, and deploys from there", async (t) => {
    const install = ["npm", "install", "--global", "--ignore-scripts=false", packed.file] as const;
    await runOk([...install], { env: packed.npmEnv, cwd: join(packed.file, ".."), timeoutMs: 120_000 });
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    assert.equal(await runOk([zdr(), "--version"], { env: packed.npmEnv }), `${version}\n`);
    const rig = await startRig(t, { dist: join(packed.bin, "../lib/node_modules/zdr/dist") });
    await rig.addSample("gunicorn", { watch: 0 });
    await rig.useSample("gunicorn", { release: "v1" });
    const options = { cwd: rig.project, env: { ...packed.npmEnv, ...rig.env } };
    await runOk([zdr(), "setup"], options);
    assert.match(await runOk([zdr(), "deploy", "--tag", "v1"], options), /none -> v1/);
  });

  test("says in one sentence which Node it needs, on one that is too old", async () => {
    const { code, stdout, stderr } = await run([await node16(), zdr(), "deploy", "--tag", "v1"]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^zdr: error: this is Node 16\.\S+ \(.*\), and zdr needs Node 22\.22\.2 or newer of 22, .*\nzdr: hint: .*\n$/,
    );
  });
});
