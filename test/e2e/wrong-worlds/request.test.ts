/** What can not be done as it is asked for is refused before any host hears of it. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { after, afterEach, before, describe, test } from "node:test";
import { type ConfigParts, type Rig, startRig } from "../../support/rig.ts";
import { assertTold, linesOf } from "../../support/wrong-world.ts";

describe("what is asked for", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let config: ConfigParts;
  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
    await rig.addSample("go-plain");
    await rig.useSample("go-plain", { release: "v1" });
    config = JSON.parse(await readFile(rig.configPath, "utf8"));
  });
  afterEach(async () => {
    await rig.configure({ keep: undefined, ...config });
    // No host was asked: not even its agent was delivered.
    assert.deepEqual(await readdir(rig.deployTo), []);
  });
  after(async () => {
    for (const clean of cleanUps) await clean();
  });
  const deploy = (tag = "v1", ...more: string[]) => rig.zdr(["deploy", "--tag", tag, ...more]);

  const TAGS: Readonly<Record<string, RegExp>> = {
    "": /is empty/,
    "../x": /leads out of releases/,
    "-x": /begins with "-"/,
    "a/b": /holds "\/"/,
    "a b": /blank/,
    "a\tb": /control character/,
    "v1\n": /line break/,
    "\u00e9": /outside ASCII/,
    [`v${"1".repeat(128)}`]: /129 characters/,
  };
  for (const [tag, error] of Object.entries(TAGS)) {
    test(`with the tag ${JSON.stringify(tag).slice(0, 20)} is refused`, async () => {
      assertTold(await deploy(tag), { exit: 2, error, hint: /./ });
    });
  }

  test("by a config with mistakes is told of all of them, each with its place and what was meant", async () => {
    const text = await readFile(rig.configPath, "utf8");
    await writeFile(rig.configPath, text.replace('"project"', '"projct"').replace('"start_seconds": 2', ""));
    const result = await deploy();
    assertTold(result, { exit: 2, error: /deploy\.yml:2:3: projct: .*did you mean "project"\?/ });
    assert.match(linesOf(result.stderr, "error"), /deploy\.yml:\d+:\d+: project: is missing/);
  });

  test("by a config of wrong types is told where", async () => {
    await rig.configure({ keep: "many", hosts: [] });
    const result = await deploy();
    assertTold(result, { exit: 2, error: /deploy\.yml:\d+:\d+: keep: / });
    assert.match(linesOf(result.stderr, "error"), /deploy\.yml:\d+:\d+: hosts: is empty/);
  });

  test("with a build that is not there is told where deploy.yml names it", async () => {
    await rig.configure({ build: { path: "nothing" } });
    assertTold(await deploy(), { exit: 2, error: /deploy\.yml:\d+:\d+: build\.path: there is no .*nothing/ });
  });

  test("with a config that is not there is told its path", async () => {
    assertTold(await deploy("v1", "--config", "none.yml"), { exit: 2, error: /there is no file .*none\.yml/ });
  });

  test("of a host that deploy.yml does not have is told which ones it has", async () => {
    assertTold(await deploy("v1", "--host", "web9"), { exit: 2, error: /no host named "web9"/, hint: /local/ });
  });

  test("of a host that is not set up is told how to do that", async () => {
    assertTold(await deploy(), { exit: 5, error: /not set up/, state: /not touched/, hint: /zdr setup/ });
  });
});
