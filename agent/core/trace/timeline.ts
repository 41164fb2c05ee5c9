/**
 * The meter's requests, gathered into buckets of time as they are answered.
 *
 * - It never holds more than BUCKET_LIMIT buckets: when time goes on beyond them, each two become one. So it costs the same
 *   after an hour as after a minute, and the shorter an activation is, the closer it is looked at.
 * - Nothing is lost by that but closeness: counts are added up, and a bucket's slowest is the slowest of both.
 */
import type { MeterTimeline } from "../../wire/trace/trace.ts";

export const BUCKET_LIMIT = 240;
export const FIRST_WIDTH_MS = 50;
/** Kinds of failure that are told apart; what comes beyond them is told as one. */
const ERROR_LIMIT = 20;
const ERROR_LENGTH = 200;
const OTHER_ERRORS = "other failures";
/** Latencies are counted by steps of a tenth, so that those of two buckets can be put together. */
const LATENCY_STEP = Math.log(1.1);

/** One request whose fate is known. */
export interface CountedRequest {
  /** Since the meter was started. */
  readonly sentMs: number;
  readonly tookMs: number;
  readonly isFresh: boolean;
  readonly hasReconnected: boolean;
  /** Why it failed; undefined: it was answered. */
  readonly error: string | undefined;
}

interface Bucket {
  sent: number;
  failed: number;
  fresh: number;
  reconnects: number;
  slowestMs: number;
  /** How many answers took so long, by step. */
  readonly latencies: Map<number, number>;
  /** How many failed so, by index into the errors. */
  readonly errors: Map<number, number>;
}

export class Timeline {
  #widthMs = FIRST_WIDTH_MS;
  #buckets: Bucket[] = [];
  readonly #errors: string[] = [];

  add({ sentMs, tookMs, isFresh, hasReconnected, error }: CountedRequest): void {
    const bucket = this.#bucketAt(Math.max(0, sentMs));
    bucket.sent++;
    if (isFresh) bucket.fresh++;
    if (hasReconnected) bucket.reconnects++;
    if (error === undefined) {
      bucket.slowestMs = Math.max(bucket.slowestMs, tookMs);
      increase(bucket.latencies, Math.round(Math.log(Math.max(tookMs, 0.01)) / LATENCY_STEP), 1);
    } else {
      bucket.failed++;
      increase(bucket.errors, this.#indexOf(error), 1);
    }
  }

  /** `fromMs`: when the meter was started, on the clock that the result is to be on. */
  told(program: string, fromMs: number, markedMs: number | undefined): MeterTimeline {
    const buckets = this.#buckets;
    const column = (of: (bucket: Bucket) => number) => buckets.map(of);
    return {
      ...{ program, fromMs: Math.round(fromMs), widthMs: this.#widthMs },
      ...(markedMs === undefined ? {} : { markedMs: Math.round(markedMs) }),
      ...{ sent: column(({ sent }) => sent), failed: column(({ failed }) => failed) },
      ...{ fresh: column(({ fresh }) => fresh), reconnects: column(({ reconnects }) => reconnects) },
      halfMs: column((bucket) => latencyOf(bucket, 0.5)),
      mostMs: column((bucket) => latencyOf(bucket, 0.95)),
      slowestMs: column(({ slowestMs }) => short(slowestMs)),
      errors: [...this.#errors],
      failures: buckets.flatMap(({ errors }, index) => [...errors].map(([error, n]): Failures => [index, error, n])),
    };
  }

  #bucketAt(ms: number): Bucket {
    while (ms >= BUCKET_LIMIT * this.#widthMs) this.#halve();
    const index = Math.floor(ms / this.#widthMs);
    while (this.#buckets.length <= index) this.#buckets.push(emptyBucket());
    return this.#buckets[index] ?? emptyBucket();
  }

  #halve(): void {
    const halved: Bucket[] = [];
    for (const [index, bucket] of this.#buckets.entries()) {
      const whole = halved[Math.floor(index / 2)];
      if (whole === undefined) halved.push(bucket);
      else takeIn(whole, bucket);
    }
    this.#buckets = halved;
    this.#widthMs *= 2;
  }

  #indexOf(error: string): number {
    const text = error.slice(0, ERROR_LENGTH);
    const known = this.#errors.indexOf(text);
    if (known !== -1) return known;
    if (this.#errors.length < ERROR_LIMIT) return this.#errors.push(text) - 1;
    this.#errors[ERROR_LIMIT] = OTHER_ERRORS;
    return ERROR_LIMIT;
  }
}

type Failures = MeterTimeline["failures"][number];

function emptyBucket(): Bucket {
  return { sent: 0, failed: 0, fresh: 0, reconnects: 0, slowestMs: 0, latencies: new Map(), errors: new Map() };
}

function takeIn(whole: Bucket, { sent, failed, fresh, reconnects, slowestMs, latencies, errors }: Bucket): void {
  whole.sent += sent;
  whole.failed += failed;
  whole.fresh += fresh;
  whole.reconnects += reconnects;
  whole.slowestMs = Math.max(whole.slowestMs, slowestMs);
  for (const [step, times] of latencies) increase(whole.latencies, step, times);
  for (const [error, times] of errors) increase(whole.errors, error, times);
}

function increase(counts: Map<number, number>, key: number, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** What `share` of the answers took at most, to a twentieth; 0: there was none. Never more than the slowest of them. */
function latencyOf({ latencies, slowestMs }: Bucket, share: number): number {
  const total = [...latencies.values()].reduce((sum, times) => sum + times, 0);
  let passed = 0;
  for (const [step, times] of [...latencies].sort(([a], [b]) => a - b)) {
    passed += times;
    if (passed >= total * share) return short(Math.min(Math.exp(step * LATENCY_STEP), slowestMs));
  }
  return 0;
}

/** Three digits tell as much as is known. */
function short(ms: number): number {
  return Number(ms.toPrecision(3));
}
