/** Two operators lock a host at the same moment, where an earlier one's lock has run out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { layoutOf } from "../../../agent/core/layout.ts";
import type { FreezeRace } from "../../support/drivers/freeze-driver.ts";

const ROUNDS = 300;
const OVER = {
  by: { user: "eve", host: "laptop" },
  why: "over",
  since: "2020-01-01T00:00:00Z",
  until: "2020-01-02T00:00:00Z",
};

test("of two who lock a host whose lock has run out, one has it and the other is told so", async (t) => {
  const deployTo = mkdtempSync(join(tmpdir(), "zdr-freeze-"));
  t.after(() => rmSync(deployTo, { recursive: true, force: true }));
  const { zdr, freeze } = layoutOf(deployTo);
  mkdirSync(zdr);
  const start = new Int32Array(new SharedArrayBuffer(4));
  const driver = new URL("../../support/drivers/freeze-driver.ts", import.meta.url);
  const workers = ["ann", "bob"].map((name) => {
    return new Worker(driver, { workerData: { deployTo, name, start } satisfies FreezeRace });
  });
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  for (let round = 1; round <= ROUNDS; round++) {
    writeFileSync(freeze, JSON.stringify(OVER));
    const answers = workers.map(async (worker) => {
      worker.postMessage(round);
      const [winner] = await once(worker, "message");
      return winner as string | undefined;
    });
    Atomics.store(start, 0, round);
    const winners = (await Promise.all(answers)).filter((winner) => winner !== undefined);
    const { by } = JSON.parse(readFileSync(freeze, "utf8"));
    assert.deepEqual([winners, readdirSync(zdr)], [[by.user], ["freeze.json"]], `round ${round}`);
  }
});
