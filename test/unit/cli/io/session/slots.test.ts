import assert from "node:assert/strict";
import { test } from "node:test";
import { slots } from "../../../../../cli/io/session/slots.ts";

test("no more is done at a time than there are slots, in the order in which it was asked for", async () => {
  const limit = slots(2);
  const order: number[] = [];
  let now = 0;
  let most = 0;
  const work = (number: number) =>
    limit(async () => {
      order.push(number);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    });
  await Promise.all([1, 2, 3, 4, 5].map(work));
  assert.equal(most, 2);
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
});

test("work that fails gives its slot to the next", async () => {
  const limit = slots(1);
  const failed = limit(() => Promise.reject(new Error("no")));
  const next = limit(async () => "done");
  await assert.rejects(failed, /no/);
  assert.equal(await next, "done");
});
