/** Commands that each want the same hosts, and wait for them: nobody waits for ever, and the hosts do not end up differently. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseLedger } from "../../../agent/core/ledger.ts";
import { eventually } from "../../support/eventually.ts";
import { type FleetMember, type FleetRig, startFleet } from "../../support/fixtures/fleet.ts";
import { buildSample } from "../../support/samples.ts";

const CROWD = 3;
/** Of all of them, one after the other, on a machine that is busy. */
const TIMEOUT_MS = 300_000;

describe("several commands that want the same two hosts", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let fleet: FleetRig;

  before(async () => {
    fleet = await startFleet((clean) => void cleaning.push(clean), { count: 2 });
    await use("v1");
    await ok("setup");
    await ok("deploy", "--tag", "v1");
  });
  after(async () => {
    for (const clean of cleaning) await clean();
  });

  async function use(release: string): Promise<void> {
    await fleet.configure({ build: { path: await buildSample("go-overseer", { release }) } });
  }

  async function ok(...args: string[]): Promise<string> {
    const { code, stderr } = await fleet.zdr(args, { timeoutMs: TIMEOUT_MS });
    assert.equal(code, 0, stderr);
    return stderr;
  }

  /** Releases in the order in which this host was told to take them, and then called them good. */
  async function history({ files }: FleetMember) {
    const { entries } = parseLedger(await readFile(join(files, "web/.zdr/ledger.ndjson"), "utf8"));
    const tagsOf = (event: string) => entries.filter((entry) => entry.event === event).map(({ tag }) => tag);
    return { begun: tagsOf("activating"), good: tagsOf("good") };
  }

  test("one of which somebody holds wait with --wait, get both in turn, and leave both on the same release", async () => {
    const [, second] = fleet.hosts;
    assert.ok(second);
    await use("v2");
    const holder = ok("deploy", "--tag", "held", "--host", "web2");
    const isHeld = async () => (await history(second)).begun.includes("held");
    await eventually(isHeld, { name: "web2 is taken", timeoutMs: TIMEOUT_MS });
    const tags = Array.from({ length: CROWD }, (_, index) => `c${index}`);
    const said = await Promise.all([holder, ...tags.map((tag) => ok("deploy", "--tag", tag, "--wait", "5m"))]);

    assert.ok(
      said.slice(1).some((one) => one.includes("waits for")),
      "somebody has waited",
    );
    const [ofFirst, ofSecond] = await Promise.all(fleet.hosts.map(history));
    assert.ok(ofFirst && ofSecond);
    assert.deepEqual(
      ofFirst.good.filter((tag) => tag !== "v1"),
      ofSecond.good.filter((tag) => tag !== "v1" && tag !== "held"),
      "the same ones in the same order",
    );
    assert.deepEqual(ofFirst.begun, ofFirst.good, "none of them was reverted");
    assert.deepEqual([...ofFirst.good].sort(), [...tags, "v1"]);
  });
});
