/** What was done on a host, told afterwards: by its ledger alone. */
import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { HistoryEntry } from "../../agent/wire/history.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { assertTold, resultOf } from "../support/wrong-world.ts";

describe("zdr history", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 }, { timeout: "3s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    assert.match((await rig.zdr(["history"])).stderr, /^nothing has been deployed to these hosts yet$/m);
    assert.match((await rig.zdr(["releases"])).stderr, /^no release is there; what was tried is in: zdr history$/m);
    await deploy("v1", 0);
    await deploy("v2", 0);
    await deploy("v3", 7, "unhealthy");
    await deploy("v4", 5, "crash-in-check");
    assert.equal((await rig.zdr(["rollback"])).code, 0);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const deploy = async (release: string, exit: number, variant: "good" | "unhealthy" | "crash-in-check" = "good") => {
    await rig.useSample("gunicorn", { release, variant });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", release], {
      env: { CI_JOB_URL: "https://ci.example/42" },
    });
    assert.equal(code, exit, stderr);
  };
  const history = async (...args: string[]): Promise<readonly HistoryEntry[]> => {
    const { hosts } = resultOf<{ hosts: { history: HistoryEntry[] }[] }>(await rig.zdr(["history", "--json", ...args]));
    return hosts[0]?.history ?? [];
  };

  test("every deploy and rollback has its row, newest first, and how it ended", async () => {
    const rows = (await history()).map(({ what, tag, from, ended, to, reason }) => [
      what,
      tag,
      from,
      ended,
      to,
      reason,
    ]);
    assert.deepEqual(rows, [
      ["rollback", "v1", "v2", "kept", undefined, undefined],
      ["deploy", "v4", "v2", "refused", undefined, "preflight"],
      ["deploy", "v3", "v2", "reverted", "v2", "unhealthy"],
      ["deploy", "v2", "v1", "kept", undefined, undefined],
      ["deploy", "v1", undefined, "kept", undefined, undefined],
    ]);
  });

  test("each says who did it in which run, how long each phase took, and what was proved", async () => {
    const entries = await history();
    const phasesOf = (tag: string) => Object.keys(entries.find((entry) => entry.tag === tag)?.phases ?? {});
    const staging = ["copy", "receive", "durable"];
    assert.deepEqual(phasesOf("v2"), [...staging, "preflight", "baseline", "ready", "watch"]);
    assert.deepEqual(phasesOf("v3"), [...staging, "preflight", "baseline", "tried", "revert"]);
    const [v3, v2] = [entries[2], entries[3]];
    assert.ok(Object.values(v2?.phases ?? {}).reduce((sum, ms) => sum + ms, 0) > 0);
    assert.equal(v2?.by?.run, "https://ci.example/42");
    assert.deepEqual([v2?.proof, v3?.proof], ["processes", "processes"]);
    assert.match(v2?.evidence.join() ?? "", /shop: pid \d+ works in v2/);
    const [program] = v2?.programs ?? [];
    assert.deepEqual([program?.name, program?.action, program?.meter?.during.failed], ["shop", "reload", 0]);
  });

  test("the table has a line for each, and -n takes the newest", async () => {
    const { code, stdout } = await rig.zdr(["history", "-n", "2"]);
    assert.equal(code, 0);
    assert.match(stdout, /^when .*\n20\S+ \S+Z +rollback +v1 +v2 +kept .*\n20\S+ \S+Z +deploy +v4 .*\n3 more: /);
    assert.match(
      (await rig.zdr(["history"])).stdout,
      /deploy +v3 +v2 +reverted to v2 \(unhealthy\) .*https:\/\/ci\.example\/42/,
    );
  });

  test("a torn last line is passed over, and a damaged one in the middle is named", async () => {
    const file = join(rig.deployTo, ".zdr/ledger.ndjson");
    const lines = (await readFile(file, "utf8")).split("\n").length;
    await appendFile(file, '{"event":"good","at');
    const torn = await rig.zdr(["history"]);
    assert.deepEqual([torn.code, torn.stderr], [0, ""]);
    await rig.useSample("gunicorn", { release: "v5" });
    assert.equal((await rig.zdr(["deploy", "--tag", "v5"])).code, 0);
    const damaged = await rig.zdr(["history"]);
    assert.match(damaged.stderr, new RegExp(`warning: local: .*ledger\\.ndjson: line ${lines} can not be read`));
    assert.equal((await history())[0]?.tag, "v5");
  });

  test("a number that is none is refused", async () => {
    assertTold(await rig.zdr(["history", "-n", "many"]), { exit: 2, error: /"many" is no number/, hint: /-n 50/ });
  });

  test("of a host that does not answer, neither history nor releases say that it has nothing", async () => {
    await rig.configure({ hosts: ["local", { name: "gone", address: "127.0.0.1", port: 1 }] });
    for (const verb of ["history", "releases"]) {
      const result = await rig.zdr([verb, "--json"]);
      assert.equal(result.code, 4, result.stderr);
      const { hosts } = resultOf<{ hosts: readonly { host: string }[] }>(result);
      assert.deepEqual(
        hosts.map(({ host }) => host),
        ["local"],
      );
    }
  });
});
