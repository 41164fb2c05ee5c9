/**
 * Whole deploys that want the same host at once: one at a time is at work, whatever dies, and the ledger shows it.
 * `make test-soak` does it fifty times.
 */
import { after, before, describe, test } from "node:test";
import { type RaceHost, raceDeploys, raceWaiters, startRaceHost } from "../../support/races/deploys.ts";

describe("twenty who want one host", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let host: RaceHost;

  before(async () => {
    host = await startRaceHost({ after: (clean) => cleaning.push(clean) });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  for (const round of [1, 2]) {
    test(`deploy at once: one at a time is at work, the others exit with 3 and say who that was (${round})`, () =>
      raceDeploys(host, round));
    test(`wait for a holder that is killed in the middle: the first ends what it had begun, and each gets its turn (${round})`, () =>
      raceWaiters(host, round));
  }
});
