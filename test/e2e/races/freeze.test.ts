/** Operators lock and unlock a host at the same moment, where an earlier one's lock has run out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { freezeNumber } from "../../../agent/core/freeze-text.ts";
import { type Layout, layoutOf } from "../../../agent/core/layout.ts";
import { readFreeze } from "../../../agent/io/freeze.ts";
import type { FreezeAttempt, FreezeRace } from "../../support/drivers/freeze-driver.ts";

const OPERATORS = 20;
const ROUNDS = 100;
const OVER = {
  by: { user: "eve", host: "laptop" },
  why: "over",
  since: "2020-01-01T00:00:00Z",
  until: "2020-01-02T00:00:00Z",
};

describe("operators who lock a host at the same moment", () => {
  test(`of ${OPERATORS} whose colleague's lock has run out one has it, the others are told, and nobody ever sees it free after that`, async (t) => {
    const race = startRace(t, OPERATORS);
    for (let round = 1; round <= ROUNDS; round++) {
      race.leave(OVER);
      const attempts = await race.run(round, () => false);
      const winners = attempts.filter(({ did }) => did === "locked").map(({ name }) => name);
      assert.equal(winners.length, 1, `round ${round}: ${winners}`);
      assert.deepEqual(
        attempts.filter(({ holder }) => holder !== winners[0]),
        [],
        `round ${round}`,
      );
      assert.equal(readFreeze(race.layout, new Date())?.by.user, winners[0]);
      assert.equal(readdirSync(race.layout.zdr).length, 1, `${readdirSync(race.layout.zdr)}`);
    }
  });

  test("whoever unlocks it ends the lock that is there, and no other's that came after it", async (t) => {
    const race = startRace(t, OPERATORS);
    for (let round = 1; round <= ROUNDS; round++) {
      race.leave(OVER);
      const attempts = await race.run(round, (index) => index % 4 === 0);
      const count = (did: FreezeAttempt["did"]) => attempts.filter((attempt) => attempt.did === did).length;
      const holder = readFreeze(race.layout, new Date())?.by.user;
      // Two who unlock at once may both have ended the same one.
      const ended = count("locked") - (holder === undefined ? 0 : 1);
      assert.ok(ended <= count("unlocked"), `round ${round}: ${JSON.stringify({ holder, attempts })}`);
      assert.ok(count("locked") >= 1 && count("unlocked") >= Math.min(ended, 1), `round ${round}`);
    }
  });
});

function startRace(t: TestContext, count: number) {
  const deployTo = mkdtempSync(join(tmpdir(), "zdr-freeze-"));
  t.after(() => rmSync(deployTo, { recursive: true, force: true }));
  const layout = layoutOf(deployTo);
  mkdirSync(layout.zdr);
  const start = new Int32Array(new SharedArrayBuffer(4));
  const driver = new URL("../../support/drivers/freeze-driver.ts", import.meta.url);
  const workers = Array.from({ length: count }, (_, index) => {
    return new Worker(driver, { workerData: { deployTo, name: `operator-${index}`, start } satisfies FreezeRace });
  });
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));

  async function run(round: number, unlocks: (index: number) => boolean): Promise<FreezeAttempt[]> {
    const attempts = workers.map(async (worker, index) => {
      worker.postMessage({ round, unlocks: unlocks(index) });
      const [attempt] = await once(worker, "message");
      return attempt as FreezeAttempt;
    });
    Atomics.store(start, 0, round);
    Atomics.notify(start, 0);
    return Promise.all(attempts);
  }

  return { layout, run, leave: (freeze: typeof OVER) => leave(layout, freeze) };
}

function leave(layout: Layout, freeze: typeof OVER): void {
  const numbers = readdirSync(layout.zdr).flatMap((name) => freezeNumber(name) ?? []);
  for (const number of numbers) rmSync(layout.freeze(number));
  writeFileSync(layout.freeze(Math.max(0, ...numbers)), JSON.stringify(freeze));
}
