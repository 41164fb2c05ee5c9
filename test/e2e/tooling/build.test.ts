import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildAll } from "../../../scripts/build.ts";
import { run } from "../../support/processes.ts";
import { node18 } from "../../support/rig.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SENT = `globalThis.x = 1;`;

/** A build of small entries; inside the repository, where the packages are found. */
async function buildEntries(t: TestContext, entries: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(ROOT, ".tmp"), { recursive: true });
  const dir = await mkdtemp(join(ROOT, ".tmp/build-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [name, text] of Object.entries({
    "agent.ts": SENT,
    "prove.ts": SENT,
    "keeper.ts": SENT,
    "main.ts": SENT,
    "style.css": "",
    ...entries,
  })) {
    await writeFile(join(dir, name), text);
  }
  const [cli, agent, prove, keeper] = ["cli.ts", "agent.ts", "prove.ts", "keeper.ts"].map((name) =>
    join(dir, name),
  ) as [string, string, string, string];
  await buildAll({ cli, agent, prove, keeper, page: dir, outDir: join(dir, "dist") });
  return join(dir, "dist");
}

test("the packages that are ES modules alone work in the bundle, and a dynamic import stays lazy", async (t) => {
  const out = await buildEntries(t, {
    "cli.ts": `
      import { Command } from "commander";
      const seen = () => JSON.stringify((globalThis as { heavy?: string }).heavy ?? "not loaded");
      async function main() {
        const before = seen();
        await import("./heavy.ts");
        process.stdout.write([new Command("x").name(), before, seen(), __dirname === import.meta.dirname].join(" "));
      }
      main();`,
    "heavy.ts": `
      import { Listr } from "listr2";
      import { NodeSSH } from "node-ssh";
      import { Parser } from "tar";
      import { parse } from "yaml";
      import * as z from "zod";
      const all = [new Listr([]), new NodeSSH(), new Parser(), parse("a: 1").a, z.string().parse("b")];
      (globalThis as { heavy?: string }).heavy = "loaded " + all.length;`,
  });
  const { code, stdout, stderr } = await run([process.execPath, join(out, "zdr.cjs")]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'x "not loaded" "loaded 5" true');
});

test("what is no ASCII is escaped, and where it cannot be the build fails and shows it", async (t) => {
  const out = await buildEntries(t, { "cli.ts": 'process.stdout.write("5 × 2");' });
  assert.equal((await run([process.execPath, join(out, "zdr.cjs")])).stdout, "5 × 2");
  const raw = "process.stdout.write(String.raw`5 × 2`);";
  await assert.rejects(buildEntries(t, { "cli.ts": raw }), /cli\.cjs is not ASCII: .*String\.raw`5 × 2`/);
});

test("a second start finds the compiled code of the first one", async (t) => {
  const out = await buildEntries(t, { "cli.ts": `process.stdout.write("here");` });
  const cache = join(out, "cache");
  const { stdout } = await run([process.execPath, join(out, "zdr.cjs")], { env: { XDG_CACHE_HOME: cache } });
  assert.equal(stdout, "here");
  const cached = await readdir(join(cache, "zdr"), { recursive: true });
  assert.ok(cached.length > 0);
});

test("a cache folder that can not be made is no trouble", async (t) => {
  const out = await buildEntries(t, { "cli.ts": `process.stdout.write("here");` });
  const env = { XDG_CACHE_HOME: join(out, "cli.cjs") };
  const { code, stdout, stderr } = await run([process.execPath, join(out, "zdr.cjs")], { env });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "here", stderr: "" });
});

test("a Node that is too old is told which one it needs, and runs nothing", async () => {
  const { code, stdout, stderr } = await run([await node18(), join(ROOT, "dist/zdr.cjs"), "--version"]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^zdr: error: this is Node 18\.\d+\.\d+ \(.*\), and zdr needs Node 22\.22\.2 or newer of 22,/);
});

test("the bundle for hosts starts on Node 18", async () => {
  const { code, stderr } = await run([await node18(), join(ROOT, "dist/agent.cjs")]);
  assert.equal(code, 2);
  // It has nothing to do without a CLI, and says so: all of it has been evaluated.
  assert.match(stderr, /agent.*zdr|zdr.*agent/);
});

test("the licences of the bundled packages are in the package", async () => {
  const text = await readFile(join(ROOT, "dist/LICENSES.txt"), "utf8");
  for (const name of [
    "commander",
    "listr2",
    "node-ssh",
    "ssh2",
    "yaml",
    "zod",
    "ini",
    "tar",
    "chart.js",
    "@kurkle/color",
  ]) {
    assert.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  }
});
