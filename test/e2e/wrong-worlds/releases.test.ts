/**
 * Releases that are no good. Whatever is wrong with one, the old release serves after the command and the ledger calls
 * only what was proved good; of a first deploy nothing is left; and a good release can be deployed right afterwards.
 */
import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ask } from "../../support/load/supervised.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { buildSample, SAMPLE_BINARY, type SampleName, type Variant } from "../../support/samples.ts";
import { BAD_RELEASES } from "../../support/story/catalog.ts";
import {
  assertNothingLeft,
  assertServes,
  assertTold,
  releasesOf,
  type Serving,
  type Told,
} from "../../support/wrong-world.ts";

type Kind = "go-overseer" | "gunicorn" | "go-plain";
/** Variants of the samples, and what only this file makes. */
type Flaw = Exclude<Variant, "good" | "slow-start"> | "no-interpreter";

interface Case extends Omit<Told, "state"> {
  readonly flaw: Flaw;
  readonly what: string;
}

const KINDS: Readonly<Record<Kind, string>> = {
  "go-overseer": "overseer (slot)",
  gunicorn: "gunicorn (signal)",
  "go-plain": "a program that is restarted",
};

/** Found out before the flip: exit 5. */
const BINARIES: readonly Case[] = [
  { flaw: "missing", what: "it is not in the build", exit: 5, error: /bin\/shop does not exist/, hint: /command:/ },
  {
    flaw: "not-executable",
    what: "it has no x bit",
    exit: 5,
    error: /cannot be executed .*mode 0644/,
    hint: /chmod \+x/,
  },
  { flaw: "garbage", what: "it is garbage", exit: 5, error: /neither a program .* nor a script/, hint: /in the build/ },
  { flaw: "empty", what: "it is empty", exit: 5, error: /bin\/shop is empty/, hint: /in the build/ },
  {
    flaw: "wrong-machine",
    what: "it is for another machine",
    exit: 5,
    error: /another machine .*s390x/,
    hint: /uname -sm/,
  },
  {
    flaw: "no-interpreter",
    what: "it is a script of a missing interpreter",
    exit: 5,
    error: /\/no\/such\/python/,
    hint: /install/,
  },
];
const CRASH_IN_CHECK: Case = {
  ...{ flaw: "crash-in-check", what: "it does not pass its library's own check", exit: 5 },
  ...{ error: /own check \(exit \d: .*dsn/, hint: /by hand/ },
};
/** Found out after the flip, and reverted: exit 7. */
const PROGRAMS: readonly Case[] = [
  {
    flaw: "crash",
    what: "it crashes at once",
    exit: 7,
    error: /crashed|did not start/,
    log: /dsn/,
    hint: /zdr logs shop/,
  },
  {
    flaw: "hang",
    what: "it never listens",
    exit: 7,
    error: /not ready within .*no process accepts/,
    hint: /zdr releases/,
  },
  {
    flaw: "unhealthy",
    what: "it never gets healthy",
    exit: 7,
    error: /not healthy within .*status 503/,
    hint: /zdr releases/,
  },
  {
    flaw: "late-crash",
    what: "it dies while it is watched",
    exit: 7,
    error: /crashed|did not start|not healthy/,
    hint: /zdr logs shop/,
  },
];
const CASES: Readonly<Record<Kind, readonly Case[]>> = {
  "go-overseer": [...BINARIES, CRASH_IN_CHECK, ...PROGRAMS],
  gunicorn: [CRASH_IN_CHECK, ...PROGRAMS],
  "go-plain": [...BINARIES, ...PROGRAMS],
};
/** Deployed over a good release, of every kind of program and with all that is lost, in test/e2e/story/. */
const STORY_FLAWS: ReadonlySet<Flaw> = new Set(BAD_RELEASES);
const isToldElsewhere = (kind: Kind, { flaw }: Case) => kind !== "go-plain" && STORY_FLAWS.has(flaw);

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "zdr-flaws-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function buildOf(kind: Kind, flaw: Flaw): Promise<string> {
  if (flaw !== "no-interpreter") return buildSample(kind, { release: "bad", variant: flaw as Variant });
  const build = join(folder, `${kind}-${flaw}`);
  const binary = join(build, SAMPLE_BINARY[kind as SampleName]);
  await cp(await buildSample(kind, { release: "bad" }), build, { recursive: true });
  await writeFile(binary, "#!/no/such/python3\nprint(1)\n");
  await chmod(binary, 0o755);
  return build;
}

/** What supervisor's section says of the program; it does not change in between. */
const SECTION = { start_seconds: 1, stop_seconds: 3 };
/** By default as quick as it may be. */
const TIMES: Partial<Record<Flaw, { readonly watch?: string; readonly timeout?: string }>> = {
  // It dies after 2 s, and gunicorn's workers are started anew for ever.
  "late-crash": { watch: "15s" },
  // It ends by itself; the time is for a machine with much else to do.
  crash: { timeout: "20s" },
};

// What they wait for is time, so they wait together.
describe("a release that is no good", { concurrency: 3 }, () => {
  for (const [kind, name] of Object.entries(KINDS) as [Kind, string][]) {
    describe(`of ${name}`, { concurrency: 1 }, () => {
      const cleanUps: (() => Promise<void>)[] = [];
      let rig: Rig;
      let url = "";
      let shop: Record<string, Record<string, unknown>> = {};
      let serving: Serving = { tag: "", answer: "" };

      const deploy = async (tag: string, path: string, flaw?: Flaw) => {
        const { watch = "300ms", timeout = flaw === undefined ? "20s" : "2s" } = (flaw && TIMES[flaw]) ?? {};
        const health = { ...shop.health, timeout, request_timeout: "1s" };
        await rig.configure({ build: { path }, programs: { shop: { ...shop, watch, health } } });
        return rig.zdr(["deploy", "--tag", tag]);
      };
      /** Of two good releases the one that does not serve. */
      const deployGood = async () => {
        const release = serving.tag === "v1" ? "v2" : "v1";
        const result = await deploy(release, await buildSample(kind, { release }));
        assert.equal(result.code, 0, result.stderr);
        serving = { tag: release, answer: release };
        await assertServes(rig, url, serving);
      };

      before(async () => {
        rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
        ({ url } = await rig.addSample(kind, SECTION));
        shop = JSON.parse(await readFile(rig.configPath, "utf8")).programs.shop;
        const { code, stderr } = await rig.zdr(["setup"]);
        assert.equal(code, 0, stderr);
      });
      after(async () => {
        for (const clean of cleanUps) await clean();
      });

      for (const one of CASES[kind]) {
        test(`${one.what}: of a first deploy nothing is left`, async () => {
          const state = one.exit === 5 ? /local was not touched/ : /local serves nothing, as before/;
          const result = await deploy(`first-${one.flaw}`, await buildOf(kind, one.flaw), one.flaw);
          assertTold(result, { ...one, state });
          await assertNothingLeft(rig, url);
        });
      }

      test("a good one comes through after all of these", () => deployGood());

      for (const one of CASES[kind].filter((each) => !isToldElsewhere(kind, each))) {
        const after = one.exit === 7 ? ", and the next good one comes through" : "";
        test(`${one.what}: the old one serves${after}`, async () => {
          const tag = `bad-${one.flaw}`;
          const { tag: old } = serving;
          const state = one.exit === 5 ? `local holds ${tag} and still serves ${old}` : `local serves ${old} again`;
          const result = await deploy(tag, await buildOf(kind, one.flaw), one.flaw);
          assertTold(result, { ...one, state: new RegExp(state) });
          await assertServes(rig, url, serving);
          const verdict = (await releasesOf(rig)).find((release) => release.tag === tag)?.verdict;
          assert.equal(verdict, "bad");
          if (one.exit === 7) await deployGood();
        });
      }
    });
  }
});

test("a release without the script that its interpreter is given is refused before the flip, on a first deploy and later", async (t) => {
  const rig = await startRig(t);
  const { url } = await rig.addSample("node-plain", { ...SECTION, watch: "0s" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const build = join(folder, "no-script");
  await cp(await buildSample("node-plain", { release: "bad" }), build, { recursive: true });
  await rm(join(build, SAMPLE_BINARY["node-plain"]));
  const lacking = async (tag: string) => {
    await rig.configure({ build: { path: build } });
    return rig.zdr(["deploy", "--tag", tag]);
  };
  const told = { exit: 5, error: /server\.mjs does not exist/, hint: /command:/ };
  assertTold(await lacking("first"), { ...told, state: /local was not touched/ });
  await assertNothingLeft(rig, url);
  await rig.useSample("node-plain", { release: "v1" });
  const good = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(good.code, 0, good.stderr);
  assertTold(await lacking("later"), { ...told, state: /local holds later and still serves v1/ });
  await assertServes(rig, url, { tag: "v1", answer: "v1" });
});

for (const { sample, says } of [
  { sample: "node-plain", says: /server\.mjs cannot be read by its interpreter .*SyntaxError/ },
  { sample: "python-members", says: /server\.py cannot be read by its interpreter .*SyntaxError/ },
] as const) {
  test(`a script of ${sample} that its interpreter can not read is refused before the flip`, async (t) => {
    const rig = await startRig(t);
    const { url } = await rig.addSample(sample, { ...SECTION, watch: "0s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await rig.useSample(sample, { release: "v1" });
    const good = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.equal(good.code, 0, good.stderr);
    const build = join(folder, `garbage-${sample}`);
    await cp(await buildSample(sample, { release: "bad" }), build, { recursive: true });
    await writeFile(join(build, SAMPLE_BINARY[sample]), "this is no program\n");
    await rig.configure({ build: { path: build } });
    const told = { exit: 5, error: says, hint: /node --check FILE/, state: /local holds bad and still serves v1/ };
    assertTold(await rig.zdr(["deploy", "--tag", "bad"]), told);
    assert.equal((await ask(`${url}/version`)).release, "v1");
  });
}

test("a script is not refused for a name without its ending", async (t) => {
  const rig = await startRig(t);
  const { url, program } = await rig.addSample("node-plain", { ...SECTION, watch: "0s" });
  const command = String(program.command).replace("server.mjs", "server");
  await rig.configure({ programs: { shop: { ...program, command } } });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const build = join(folder, "short-name");
  await cp(await buildSample("node-plain", { release: "v1" }), build, { recursive: true });
  await writeFile(join(build, "server.js"), 'import("./server.mjs");\n');
  await rig.configure({ build: { path: build } });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.equal(code, 0, stderr);
  assert.equal((await ask(`${url}/version`)).release, "v1");
});
