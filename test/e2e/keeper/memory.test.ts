/** What would grow with each reload would grow for as long as the program is deployed, since the keeper is never started anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startKeeperRig } from "../../support/keeper.ts";
import { privateMegabytes } from "../../support/memory.ts";

/** Enough to tell a growth of 15 KB a reload from what one collection of garbage takes away or the next one leaves. */
const RELOADS = 200;
const STRETCH = 60;
const GROWTH_MEGABYTES = 2;
/** A bare Node has 8. */
const LIMIT_MEGABYTES = 14;

test("the keeper's memory stays small, and does not grow with the number of reloads, also where one follows the other", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "socket" });
  const keeper = await rig.keeperPid();
  const control = await rig.control();
  const megabytes: number[] = [];
  for (let reload = 0; reload < RELOADS; reload++) {
    assert.equal((await control.ask("reload")).event, "ready");
    // As each deploy does.
    assert.equal((await control.ask("state")).event, "state");
    megabytes.push(await privateMegabytes(keeper));
  }
  const [early, late] = [Math.max(...megabytes.slice(0, STRETCH)), Math.max(...megabytes.slice(-STRETCH))];
  const words = `at most ${early.toFixed(1)} MB in the first ${STRETCH} reloads, ${late.toFixed(1)} MB in the last`;
  t.diagnostic(words);
  assert.ok(late - early < GROWTH_MEGABYTES, words);
  assert.ok(Math.max(...megabytes) < LIMIT_MEGABYTES, words);
});
