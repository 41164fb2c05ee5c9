/** Somebody else holds the host: what those who come later are told, and how they wait. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type LockDriver, startLockDriver } from "../../support/lock-race.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { assertTold } from "../../support/wrong-world.ts";

const ANN = { user: "ann", host: "laptop", run: "https://ci.example/42" };
const HELD =
  /another command holds the lock.*: ann@laptop since 20\S+ \S+Z \(deploy v7, pid \d+, https:\/\/ci\.example\/42\)/;

describe("a host that another command holds", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let other: LockDriver;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 });
    await rig.useSample("gunicorn", { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(async () => {
    const claim = { by: ANN, why: "deploy v7" };
    other = startLockDriver({ deployTo: rig.deployTo, journal: join(rig.dir, "journal"), act: "hold", claim });
    await other.saidSoon("in");
  });
  afterEach(() => other.end());

  test("every verb that would change something exits with 3, and says who holds it since when and why", async () => {
    for (const args of [["deploy", "--tag", "v2"], ["rollback"], ["restart"], ["setup"]]) {
      assertTold(await rig.zdr(args), { exit: 3, error: HELD, hint: /--wait 5m/ });
    }
    for (const args of [["status"], ["releases"]]) assert.equal((await rig.zdr(args)).code, 0, "looking is free");
  });

  test("--wait waits until it is over, says for whom, and then does what was asked", async () => {
    const waiting = rig.startZdr(["restart", "--wait", "2m"]);
    const said = /waits for ann@laptop, who holds the lock since 20\S+ \S+Z \(deploy v7\), up to /;
    await eventually(() => said.test(waiting.said().stderr), { name: "it waits", timeoutMs: 60_000 });
    await other.end();
    const { code, stderr } = await waiting.done;
    assert.equal(code, 0, stderr);
  });

  test("a --wait that is over exits with 3, and says how long it has waited", async () => {
    const result = await rig.zdr(["deploy", "--tag", "v2", "--wait", "500ms"]);
    assertTold(result, { exit: 3, error: /after [\d.]+ m?s of waiting: ann@laptop/, state: /was not touched/ });
  });

  test("who is interrupted while it waits leaves at once, with nothing changed", async () => {
    const waiting = rig.startZdr(["deploy", "--tag", "v2", "--wait", "5m"]);
    await eventually(() => waiting.said().stderr.includes("waits for"), { name: "it waits", timeoutMs: 60_000 });
    waiting.kill("SIGINT");
    const { code, stderr } = await waiting.done;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^zdr: state: local was not touched/m);
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), ["v1"]);
    assert.equal((await rig.zdr(["restart"])).code, 3, "the other has it still");
  });

  test("so it is with zdr setup: it sets up nothing that nobody wants any more", async () => {
    const waiting = rig.startZdr(["setup", "--wait", "5m"]);
    await eventually(() => waiting.said().stderr.includes("waits for"), { name: "it waits", timeoutMs: 60_000 });
    waiting.kill("SIGINT");
    const isOver = waiting.done.then(() => true);
    assert.ok(await eventually(() => Promise.race([isOver, false]), { name: "it ends" }));
    assert.equal((await waiting.done).code, 130);
  });

  test("a --wait that is no time is refused before anything else", async () => {
    assertTold(await rig.zdr(["deploy", "--tag", "v2", "--wait", "5"]), { exit: 2, error: /has no unit/, hint: /5s/ });
  });
});
