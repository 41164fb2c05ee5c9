/** What would grow with each reload would grow for as long as the program is deployed, since the keeper is never started anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startKeeperRig } from "../../support/keeper.ts";
import { privateMegabytes } from "../../support/memory.ts";

/** Enough to tell a growth of 15 KB a reload. */
const RELOADS = 200;
const GROWTH_MEGABYTES = 2;
/** A bare Node has 8. */
const LIMIT_MEGABYTES = 14;
/** In the middle of it. 2.3 beside 500 processes and 2,500 connections of a busy host, 6 beside 1,200 processes. */
const PILE_MEGABYTES = 5;

test("the keeper's memory does not grow with the number of reloads, and piles up nothing where one follows the other", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "socket" });
  const keeper = await rig.keeperPid();
  const control = await rig.control();
  const before = await privateMegabytes(keeper);
  let most = before;
  for (let reload = 0; reload < RELOADS; reload++) {
    assert.equal((await control.ask("reload")).event, "ready");
    // As each deploy does.
    assert.equal((await control.ask("state")).event, "state");
    most = Math.max(most, await privateMegabytes(keeper));
  }
  const words = `${before.toFixed(1)} MB before the first reload, at most ${most.toFixed(1)} MB`;
  t.diagnostic(words);
  assert.ok(most - before < PILE_MEGABYTES, words);
  const limit = Math.min(before + GROWTH_MEGABYTES, LIMIT_MEGABYTES);
  const isAtRest = async () => (await privateMegabytes(keeper)) < limit;
  await eventually(isAtRest, { name: `it is back under ${limit.toFixed(1)} MB` });
});
