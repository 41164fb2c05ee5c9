/** What `zdr init` writes is deployed as it stands: the release has the program in it, and knows its name. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { parse } from "yaml";
import { textAt } from "../../support/load/ask.ts";
import { freePort } from "../../support/load/free-port.ts";
import { runOk } from "../../support/processes.ts";
import { type ConfigParts, startRig } from "../../support/rig.ts";

/** The rig's home is a new one: there, Go would compile its library first. */
const GOCACHE = (await runOk(["go", "env", "GOCACHE"])).trim();
const BUILD_TIMEOUT_MS = 300_000;

/** A rig whose project is what init has made of a sample, beside the files given. */
async function initialized(t: TestContext, sample: string, files: readonly string[] = []) {
  const rig = await startRig(t);
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args, { env: { GOCACHE }, timeoutMs: BUILD_TIMEOUT_MS });
    assert.equal(code, 0, `zdr ${args.join(" ")}\n${stdout}${stderr}`);
  };
  const url = `http://127.0.0.1:${await freePort()}`;
  for (const file of files) {
    await mkdir(dirname(join(rig.project, file)), { recursive: true });
    await writeFile(join(rig.project, file), "x\n");
  }
  const words = ["--on", "local", "--project", "shop", "--health", `${url}/healthz`];
  await ok("init", "--sample", sample, "--config", "made.yml", ...words);
  const made = parse(await readFile(join(rig.project, "made.yml"), "utf8")) as ConfigParts;
  await rig.configure({ build: made.build, programs: made.programs });
  await ok("setup");
  const released = async (tag: string) => {
    await ok("deploy", "--tag", tag);
    const entries = await readdir(join(rig.deployTo, "releases", tag), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return paths.map((path) => path.slice(`${rig.deployTo}/releases/${tag}/`.length)).sort();
  };
  return { url, released };
}

/** What its release holds. */
const RELEASES = {
  "go-plain": ["bin/shop"],
  "go-graceful-url": ["bin/graceful"],
  "node-members": ["VERSION", "server.mjs"],
  uwsgi: ["VERSION", "app.py", "uwsgi.ini"],
} as const;

// Each waits most of its time: for what is watched after it was proved.
describe("the sample of zdr init", { concurrency: true }, () => {
  for (const [sample, files] of Object.entries(RELEASES)) {
    test(`${sample} is told which release it is, and takes the next one as its preset has it`, async (t) => {
      const { url, released } = await initialized(t, sample);
      for (const tag of ["v1", "v2"]) {
        const inIt = (await released(tag)).filter((file) => file !== "made.yml");
        assert.deepEqual(inIt, files);
        assert.equal((await textAt(`${url}/version`)).trim(), tag);
      }
    });
  }
});

const NOT_THE_PROGRAM = [
  ...[".git/config", ".github/workflows/deploy.yml", ".gitlab-ci.yml", "zdr.gitlab-ci.yml", ".gitignore"],
  ...["known_hosts", "deploy.staging.yml", "deploy.schema.json", "report-v1-3f2a91c0.html", "node_modules/x/index.js"],
  ...["__pycache__/app.cpython-311.pyc", "shop/__pycache__/views.cpython-311.pyc"],
];

for (const [sample, own] of [
  ["gunicorn", ["app.py", "gunicorn.conf.py"]],
  ["node-plain", ["server.mjs"]],
] as const) {
  test(`of the folder of ${sample}, what is not the program stays out of the release, and nothing else does`, async (t) => {
    const kept = [
      "deploy/settings.yml",
      "deploy.d/x.yml",
      "docs/known_hosts",
      "report-html/report-1.html",
      "shop/views.py",
      ".env",
    ];
    const { released } = await initialized(t, sample, [...NOT_THE_PROGRAM, ...kept]);
    const files = await released("v1");
    // What init and the rig wrote beside the sample is called otherwise than it would be.
    assert.deepEqual(files, [...kept, ...own, "VERSION", "made.yml"].sort());
  });
}
