/** Twenty commands that want one host, as often as a test likes. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type LedgerEntry, parseLedger } from "../../../agent/core/ledger.ts";
import { eventually } from "../eventually.ts";
import { type Cleanup, type Rig, startRig } from "../rig.ts";
import { answerOf, assertTold } from "../wrong-world.ts";

const CROWD = 20;
/** Of one of them, among all the others. */
const TIMEOUT_MS = 240_000;
const each = <T>(make: (index: number) => T) => Array.from({ length: CROWD }, (_, index) => make(index));

export interface RaceHost {
  readonly rig: Rig;
  readonly url: string;
  readonly programs: { readonly shop: Readonly<Record<string, unknown>> };
}

export async function startRaceHost(cleanup: Cleanup): Promise<RaceHost> {
  const rig = await startRig(cleanup);
  // Twenty commands at once leave little for anybody to answer in.
  const { url, program } = await rig.addSample("gunicorn", { watch: 0 }, { timeout: "60s" });
  await rig.useSample("gunicorn", { release: "v0" });
  for (const args of [["setup"], ["deploy", "--tag", "v0"]]) {
    const { code, stderr } = await rig.zdr(args);
    assert.equal(code, 0, stderr);
  }
  return { rig, url, programs: { shop: program } };
}

/** They deploy at once: one at a time is at work, the others exit with 3 and say who that was. */
export async function raceDeploys({ rig, url }: RaceHost, round: number): Promise<void> {
  const before = (await ledgerOf(rig)).length;
  await rig.useSample("gunicorn", { release: "v1" });
  const results = await Promise.all(
    each((index) => rig.zdr(["deploy", "--tag", `a${round}-${index}`], { timeoutMs: TIMEOUT_MS })),
  );
  const codes = results.map(({ code }) => code);
  for (const { code, stderr } of results) assert.ok(code === 0 || code === 3, stderr);
  assert.ok(codes.includes(0), "nobody is kept out by somebody who is kept out");
  for (const result of results.filter(({ code }) => code === 3)) {
    const error = /another command holds the lock: \S+@\S+ since 20\S+ \S+Z \(deploy a\d+-\d+, pid \d+\)/;
    assertTold(result, { exit: 3, error, state: /local was not touched/, hint: /--wait/ });
  }
  const entries = (await ledgerOf(rig)).slice(before);
  assertOneAfterTheOther(entries);
  const good = entries.filter(({ event }) => event === "good").map(({ tag }) => tag);
  assert.equal(good.length, codes.filter((code) => code === 0).length);
  assert.deepEqual([await currentOf(rig), await answerOf(url)], [good.at(-1), "200 v1"]);
}

/** They wait for a holder that is killed in the middle: the first ends what it had begun, and each gets its turn. */
export async function raceWaiters({ rig, url, programs }: RaceHost, round: number): Promise<void> {
  const [held, wanted] = [`b${round}`, `c${round}`];
  const before = (await ledgerOf(rig)).length;
  await rig.useSample("gunicorn", { release: "v2" });
  await rig.configure({ programs: { shop: { ...programs.shop, watch: "10m" } } });
  const holder = rig.startZdr(["deploy", "--tag", held]);
  await eventually(() => holder.said().stderr.includes(`flip: ${held}`), { name: "the flip", timeoutMs: 60_000 });
  await rig.useSample("gunicorn", { release: "v3" });
  await rig.configure({ programs });
  const crowd = each(() => rig.startZdr(["deploy", "--tag", wanted, "--wait", "5m"]));
  const areWaiting = () => crowd.every((one) => one.said().stderr.includes("waits for"));
  await eventually(areWaiting, { name: "all of them wait", timeoutMs: TIMEOUT_MS });

  process.kill(holder.pid, "SIGKILL");
  process.kill(await agentPidOf(rig), "SIGKILL");
  const results = await Promise.all(crowd.map((one) => one.done));
  for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  const recovered = results.filter(({ stderr }) => stderr.includes(`the activation of ${held} had been interrupted`));
  assert.equal(recovered.length, 1, "it is ended once");

  const entries = (await ledgerOf(rig)).slice(before);
  assertOneAfterTheOther(entries);
  const activations = entries.filter(({ event, tag }) => event === "activating" && tag === wanted);
  assert.equal(activations.length, 1, "what serves already is not activated again");
  assert.deepEqual([await currentOf(rig), await answerOf(url)], [wanted, "200 v3"]);
}

async function ledgerOf({ deployTo }: Rig): Promise<readonly LedgerEntry[]> {
  const { entries, damagedLines } = parseLedger(await readFile(join(deployTo, ".zdr/ledger.ndjson"), "utf8"));
  assert.deepEqual(damagedLines, []);
  return entries;
}

async function currentOf({ deployTo }: Rig): Promise<string> {
  return (await readlink(join(deployTo, "current"))).replace("releases/", "");
}

async function agentPidOf({ deployTo }: Rig): Promise<number> {
  const folder = join(deployTo, ".zdr");
  const name = (await readdir(folder)).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
  return (JSON.parse(await readFile(join(folder, name), "utf8")) as { pid: number }).pid;
}

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
