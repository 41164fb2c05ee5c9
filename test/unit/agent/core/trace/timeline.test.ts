import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BUCKET_LIMIT,
  type CountedRequest,
  FIRST_WIDTH_MS,
  Timeline,
} from "../../../../../agent/core/trace/timeline.ts";
import { MeterTimeline } from "../../../../../agent/wire/trace/trace.ts";

const answered = (sentMs: number, tookMs: number): CountedRequest => ({
  ...{ sentMs, tookMs, isFresh: true, hasReconnected: false, error: undefined },
});
const failed = (sentMs: number, error: string): CountedRequest => ({ ...answered(sentMs, 1), error });

function told(requests: readonly CountedRequest[], fromMs = 0): MeterTimeline {
  const timeline = new Timeline();
  for (const request of requests) timeline.add(request);
  return timeline.told("shop", fromMs, undefined);
}
const sum = (column: readonly number[]) => column.reduce((all, n) => all + n, 0);

test("a request stands in the bucket in which it was sent, on the clock of the flip", () => {
  const { fromMs, widthMs, sent } = told([answered(0, 400), answered(49, 1), answered(120, 1)], -1000.4);
  assert.deepEqual([fromMs, widthMs, sent], [-1000, FIRST_WIDTH_MS, [2, 0, 1]]);
});

test("a bucket tells how long half, most and all of its answers took", () => {
  const { halfMs, mostMs, slowestMs } = told(Array.from({ length: 100 }, (_, index) => answered(0, index + 1)));
  assert.ok(Math.abs((halfMs[0] ?? 0) - 50) < 4, `half within ${halfMs[0]}`);
  assert.ok(Math.abs((mostMs[0] ?? 0) - 95) < 6, `most within ${mostMs[0]}`);
  assert.equal(slowestMs[0], 100);
});

test("a failure is told with its reason, and is no answer", () => {
  const {
    failed: lost,
    slowestMs,
    errors,
    failures,
  } = told([failed(0, "reset"), failed(60, "reset"), failed(60, "502")]);
  assert.deepEqual(
    [lost, slowestMs],
    [
      [1, 2],
      [0, 0],
    ],
  );
  assert.deepEqual(errors, ["reset", "502"]);
  assert.deepEqual(failures, [
    [0, 0, 1],
    [1, 0, 1],
    [1, 1, 1],
  ]);
});

test("fresh and kept-alive connections, and reconnects, are told apart", () => {
  const kept = { ...answered(0, 1), isFresh: false, hasReconnected: true };
  const { sent, fresh, reconnects } = told([answered(0, 1), kept]);
  assert.deepEqual([sent, fresh, reconnects], [[2], [1], [1]]);
});

test("however long it goes on, there are no more buckets than the limit, and no request is lost", () => {
  const arbitrary = fc.array(
    fc.record({
      sentMs: fc.double({ min: 0, max: 10_000_000, noNaN: true }),
      tookMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
      isFresh: fc.boolean(),
      hasReconnected: fc.boolean(),
      error: fc.option(fc.constantFrom("reset", "refused"), { nil: undefined }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(arbitrary, (requests) => {
      const timeline = told(requests);
      const lost = requests.filter(({ error }) => error !== undefined).length;
      assert.ok(timeline.sent.length <= BUCKET_LIMIT);
      assert.deepEqual(
        [sum(timeline.sent), sum(timeline.failed), sum(timeline.failures.map(([, , n]) => n))],
        [requests.length, lost, lost],
      );
      for (const [index, half] of timeline.halfMs.entries()) {
        assert.ok(
          half <= (timeline.mostMs[index] ?? 0) && (timeline.mostMs[index] ?? 0) <= (timeline.slowestMs[index] ?? 0),
        );
      }
      assert.ok(MeterTimeline.safeParse(timeline).success);
    }),
  );
});

test("failures of very many kinds are told as other ones in the end, each counted", () => {
  const { errors, failures } = told(Array.from({ length: 100 }, (_, index) => failed(0, `error ${index}`)));
  assert.equal(errors.length, 21);
  assert.equal(errors.at(-1), "other failures");
  assert.equal(sum(failures.map(([, , n]) => n)), 100);
});
