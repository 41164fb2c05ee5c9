/** What two rounds of test/e2e/races/deploys.test.ts may miss. */
import { test } from "node:test";
import { raceDeploys, raceWaiters, startRaceHost } from "../support/races/deploys.ts";

const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 50);

test(`one deploy at a time is at work in ${ROUNDS} rounds of twenty at once, and twenty who wait for one that is killed`, async (t) => {
  const host = await startRaceHost(t);
  for (let round = 1; round <= ROUNDS; round++) {
    await raceDeploys(host, round);
    await raceWaiters(host, round);
    t.diagnostic(`round ${round}`);
  }
});
