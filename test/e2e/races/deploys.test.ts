/** Whole deploys that want the same host at once: one at a time is at work, whatever dies, and the ledger shows it. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type LedgerEntry, parseLedger } from "../../../agent/core/ledger.ts";
import { eventually } from "../../support/eventually.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { answerOf, assertTold } from "../../support/wrong-world.ts";

const CROWD = 20;
const each = <T>(make: (index: number) => T) => Array.from({ length: CROWD }, (_, index) => make(index));

describe("twenty who want one host", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let programs: { shop: Record<string, unknown> };

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    ({ url } = await rig.addSample("gunicorn", { watch: 0 }));
    ({ programs } = JSON.parse(await readFile(rig.configPath, "utf8")));
    await rig.useSample("gunicorn", { release: "v0" });
    for (const args of [["setup"], ["deploy", "--tag", "v0"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const ledger = async (): Promise<readonly LedgerEntry[]> => {
    const { entries, damagedLines } = parseLedger(await readFile(join(rig.deployTo, ".zdr/ledger.ndjson"), "utf8"));
    assert.deepEqual(damagedLines, []);
    return entries;
  };
  const current = async () => (await readlink(join(rig.deployTo, "current"))).replace("releases/", "");
  const agentPid = async (): Promise<number> => {
    const folder = join(rig.deployTo, ".zdr");
    const name = (await readdir(folder)).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
    return (JSON.parse(await readFile(join(folder, name), "utf8")) as { pid: number }).pid;
  };

  test("deploy at once: one at a time is at work, the others exit with 3 and say who that was", async () => {
    await rig.useSample("gunicorn", { release: "v1" });
    const results = await Promise.all(
      each((index) => rig.zdr(["deploy", "--tag", `a${index}`], { timeoutMs: 240_000 })),
    );
    const codes = results.map(({ code }) => code);
    assert.deepEqual(
      codes.filter((code) => code !== 0 && code !== 3),
      [],
    );
    assert.ok(codes.includes(0), "nobody is kept out by somebody who is kept out");
    for (const result of results.filter(({ code }) => code === 3)) {
      const error = /another command holds the lock: \S+@\S+ since 20\S+Z \(deploy a\d+, pid \d+\)/;
      assertTold(result, { exit: 3, error, state: /local was not touched/, hint: /--wait/ });
    }
    const entries = await ledger();
    assertOneAfterTheOther(entries);
    const good = entries.filter(({ event }) => event === "good").map(({ tag }) => tag);
    assert.equal(good.length, 1 + codes.filter((code) => code === 0).length);
    assert.deepEqual([await current(), await answerOf(url)], [good.at(-1), "200 v1"]);
  });

  test("wait for a holder that is killed in the middle: the first ends what it had begun, and each gets its turn", async () => {
    await rig.useSample("gunicorn", { release: "v2" });
    await rig.configure({ programs: { shop: { ...programs.shop, watch: "10m" } } });
    const holder = rig.startZdr(["deploy", "--tag", "b"]);
    await eventually(() => holder.said().stderr.includes("flip: b"), { name: "the flip", timeoutMs: 60_000 });
    await rig.useSample("gunicorn", { release: "v3" });
    await rig.configure({ programs });
    const crowd = each(() => rig.startZdr(["deploy", "--tag", "c", "--wait", "5m"]));
    const areWaiting = () => crowd.every((one) => one.said().stderr.includes("waits for"));
    await eventually(areWaiting, { name: "all of them wait", timeoutMs: 240_000 });

    process.kill(holder.pid, "SIGKILL");
    process.kill(await agentPid(), "SIGKILL");
    const results = await Promise.all(crowd.map((one) => one.done));
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
    const recovered = results.filter(({ stderr }) => stderr.includes("the activation of b had been interrupted"));
    assert.equal(recovered.length, 1, "it is ended once");

    const entries = await ledger();
    assertOneAfterTheOther(entries);
    const activations = entries.filter(({ event, tag }) => event === "activating" && tag === "c");
    assert.equal(activations.length, 1, "what serves already is not activated again");
    assert.deepEqual([await current(), await answerOf(url)], ["c", "200 v3"]);
  });
});

/** From the beginning of an activation to its end nothing else happens, and nothing ends that has not begun. */
function assertOneAfterTheOther(entries: readonly LedgerEntry[]): void {
  let open: string | undefined;
  for (const entry of entries) {
    const own = "activation" in entry ? entry.activation : undefined;
    const line = JSON.stringify(entry);
    if (open !== undefined) assert.equal(own, open, `in the middle of ${open}: ${line}`);
    else if (own !== undefined) assert.equal(entry.event, "activating", line);
    if (entry.event === "activating") open = own;
    else if (["good", "reverted", "stuck"].includes(entry.event)) open = undefined;
  }
  assert.equal(open, undefined, "nothing is left under way");
}
