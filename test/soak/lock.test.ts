/** What two rounds of test/e2e/races/lock.test.ts may miss. */
import { test } from "node:test";
import { raceForLock } from "../support/lock-race.ts";

const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 50);
const WAITERS = 20;

test(`the lock is never held twice in ${ROUNDS} rounds of ${WAITERS} who judge the same dead holder`, async (t) => {
  for (let round = 1; round <= ROUNDS; round++) {
    await raceForLock(WAITERS);
    t.diagnostic(`round ${round}`);
  }
});
