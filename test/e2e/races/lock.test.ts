/** The lock itself, among real processes. `make test-soak` does it fifty times. */
import { test } from "node:test";
import { raceForLock } from "../../support/lock-race.ts";

/** As many as may wait for one host, and then some. */
const WAITERS = 20;

for (let round = 1; round <= 2; round++) {
  test(`${WAITERS} wait for a holder that is killed: one at a time has the lock, and each gets it (${round})`, () =>
    raceForLock(WAITERS));
}
