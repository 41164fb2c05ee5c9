/**
 * What counts as a failed request. One suite for the product's meter and for the tests' own load generator, which share
 * no code: they must agree.
 */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Meter, startMeter } from "../../../agent/io/http/meter.ts";
import type { HttpHealth } from "../../../agent/wire/plan.ts";
import { eventually } from "../../support/eventually.ts";
import { answer, type BadServer, type Behaviour, fine, reset, startBadServer } from "../../support/load/bad-server.ts";
import { startLoad } from "../../support/load/load.ts";

interface Counts {
  readonly sent: number;
  readonly failed: number;
  readonly reconnects: number;
}

interface Measuring {
  counts(): Counts;
  stop(): Promise<Counts & { readonly slowestMs: number }>;
}

/** Enough to see both kinds of connection many times. */
const ENOUGH = 40;
/** Of one request: longer than any machine stalls, and what a test can wait for. */
const LONG_MS = 20_000;
const SHORT_MS = 250;

const health = (url: string): HttpHealth => ({
  ...{ http: url, timeoutMs: 1000, requestTimeoutMs: LONG_MS, status: [], meterRate: 200 },
});

const implementations: Record<string, (url: string, timeoutMs: number) => Promise<Measuring>> = {
  "the meter": async (url, timeoutMs) => {
    const meter = startMeter({ ...health(url), requestTimeoutMs: timeoutMs });
    return { counts: () => meter.counts().baseline, stop: async () => (await meter.stop()).baseline };
  },
  "the load generator": (url, timeoutMs) =>
    startLoad({ url, freshPerSecond: 100, keepAliveConnections: 2, ratePerSecond: 100, timeoutMs }),
};

async function serverOf(t: TestContext, behaviour: Behaviour): Promise<BadServer> {
  const server = await startBadServer(behaviour);
  t.after(() => server.down());
  return server;
}

const cut: Behaviour = (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nv1");
const later = (ms: number, behaviour: Behaviour): Behaviour => {
  return (socket, nth) => setTimeout(() => behaviour(socket, nth), ms).unref();
};

for (const [name, start] of Object.entries(implementations)) {
  describe(name, { concurrency: 4 }, () => {
    async function measuring(t: TestContext, url: string, timeoutMs = LONG_MS): Promise<Measuring> {
      const started = await start(url, timeoutMs);
      t.after(() => started.stop());
      return started;
    }
    const enough = (measured: Measuring, requests = ENOUGH) =>
      eventually(() => measured.counts().sent >= requests, { name: `${requests} requests` });

    async function measure(t: TestContext, behaviour: Behaviour, atLeast: Partial<Counts> = {}) {
      const server = await serverOf(t, behaviour);
      const measured = await measuring(t, server.url);
      await enough(measured);
      const { reconnects = 0, failed = 0 } = atLeast;
      const isEnough = ({ counts }: Measuring) => counts().reconnects >= reconnects && counts().failed >= failed;
      await eventually(() => isEnough(measured), { name: `${reconnects} reconnects and ${failed} failures` });
      return { server, ...(await measured.stop()) };
    }

    test("counts no failure of a healthy server, over fresh and kept-alive connections", async (t) => {
      const { server, sent, failed, reconnects } = await measure(t, fine);
      assert.deepEqual([failed, reconnects], [0, 0]);
      assert.equal(sent, server.requests());
      assert.ok(server.connections() > sent / 4, "many on a connection of their own");
      assert.ok(server.connections() < sent, "some on a connection that was kept");
    });

    for (const [what, behaviour] of Object.entries({
      "answered 500": (socket) => socket.write(answer("500 Internal Server Error")),
      "answered 503 by a server that then closes": (socket) =>
        socket.end(answer("503 Sorry", "", "Connection: close\r\n")),
      reset,
      "closed without an answer": (socket) => socket.end(),
      "cut in the body": cut,
      "cut in the head": (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
      "cut in a chunk": (socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nv1"),
      "answered with no HTTP": (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    } satisfies Record<string, Behaviour>)) {
      test(`counts every request as failed that is ${what}`, async (t) => {
        const { sent, failed, reconnects } = await measure(t, behaviour);
        assert.deepEqual([failed, reconnects], [sent, 0]);
      });
    }

    for (const [what, behaviour] of Object.entries({
      "answered 404": (socket) => socket.write(answer("404 Not Found")),
      "answered 302": (socket) => socket.write(answer("302 Found", "", "Location: http://127.0.0.1:1/\r\n")),
      "answered in chunks": (socket) =>
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nv1\r\n0\r\n\r\n"),
      "answered by bytes that come one by one": (socket) => {
        for (const byte of answer("200 OK")) socket.write(byte);
      },
      "answered without a length, until the server closes": (socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nv1"),
      "the last of its connection, as its answer says": (socket) =>
        socket.end(answer("200 OK", "v1", "Connection: close\r\n")),
    } satisfies Record<string, Behaviour>)) {
      test(`counts no request as failed or reconnected that is ${what}`, async (t) => {
        const { failed, reconnects } = await measure(t, behaviour);
        assert.deepEqual([failed, reconnects], [0, 0]);
      });
    }

    test("counts a kept-alive connection that is closed while it waits as a reconnect", async (t) => {
      const behaviour: Behaviour = (socket, nth) => {
        fine(socket, nth);
        later(1, () => socket.end())(socket, nth);
      };
      const { failed } = await measure(t, behaviour, { reconnects: 3 });
      assert.equal(failed, 0);
    });

    for (const [how, close] of [
      ["closed", (socket) => socket.end()],
      ["reset", reset],
    ] as const satisfies [string, Behaviour][]) {
      test(`counts a kept-alive connection that is ${how} as the next request comes as a reconnect`, async (t) => {
        const behaviour: Behaviour = (socket, nth) => (nth === 1 ? fine : close)(socket, nth);
        const { failed } = await measure(t, behaviour, { reconnects: 3 });
        assert.equal(failed, 0);
      });
    }

    test("counts a request as failed that finds its kept-alive connection closed, and then no server", async (t) => {
      const server = await serverOf(t, fine);
      const measured = await measuring(t, server.url);
      await enough(measured);
      await server.down();
      const before = measured.counts();
      await enough(measured, before.sent + ENOUGH);
      const after = await measured.stop();
      assert.ok(after.failed >= ENOUGH / 2, `${after.failed} failed`);
      assert.equal(after.reconnects, 0);
      await server.up();
    });

    test("counts a second request as failed that is cut after the first bytes of its answer", async (t) => {
      const behaviour: Behaviour = (socket, nth) => (nth === 1 ? fine : cut)(socket, nth);
      const { sent, failed, reconnects } = await measure(t, behaviour, { failed: 3 });
      assert.ok(failed < sent, `${failed} of ${sent}`);
      assert.equal(reconnects, 0);
    });

    test("counts what a restart costs, and nothing after it", async (t) => {
      const server = await serverOf(t, fine);
      const measured = await measuring(t, server.url);
      await enough(measured);
      assert.equal(measured.counts().failed, 0);
      await server.down();
      await eventually(() => measured.counts().failed > 5, { name: "failures while it is down" });
      await server.up();
      const downFor = server.requests();
      await eventually(() => server.requests() > downFor + ENOUGH, { name: "it is asked again" });
      const { failed, sent } = measured.counts();
      await enough(measured, sent + ENOUGH);
      assert.equal((await measured.stop()).failed, failed);
    });

    test("goes on sending at its rate while a server answers nothing, and ends all the same", async (t) => {
      const server = await serverOf(t, () => {});
      const measured = await measuring(t, server.url, SHORT_MS);
      await eventually(() => server.requests() >= 20, { name: "20 requests wait for an answer" });
      const { sent, failed, slowestMs } = await measured.stop();
      assert.ok(sent >= 20 && failed === sent && slowestMs >= SHORT_MS);
    });
  });
}

describe("the meter alone", () => {
  function metering(t: TestContext, url: string, changes: Partial<HttpHealth> = {}): Meter {
    const meter = startMeter({ ...health(url), ...changes });
    t.after(() => meter.stop());
    return meter;
  }

  test("keeps what happened before the mark apart from what happened after it, with the reasons", async (t) => {
    const server = await serverOf(t, fine);
    const meter = metering(t, server.url);
    await eventually(() => meter.counts().baseline.sent >= 20, { name: "a baseline" });
    meter.mark();
    server.behave((socket, nth) => (nth === 1 ? socket.write(answer("502 Bad Gateway")) : reset(socket, nth)));
    await eventually(() => meter.counts().during.failed >= 20, { name: "failures" });
    const { baseline, during, reasons } = await meter.stop();
    assert.equal(baseline.failed, 0);
    assert.ok(during.failed >= 20);
    assert.equal(reasons[0]?.error, "status 502");
    assert.equal(
      reasons.reduce((sum, { count }) => sum + count, 0),
      during.failed,
    );
  });

  test("counts a request that was sent before the mark and cut after it as during", async (t) => {
    const waiting: (() => void)[] = [];
    const server = await serverOf(t, (socket) => waiting.push(() => reset(socket, 1)));
    const meter = metering(t, server.url, { requestTimeoutMs: 10_000 });
    await eventually(() => waiting.length >= 5, { name: "requests in flight" });
    meter.mark();
    server.behave(fine);
    for (const cutOff of waiting) cutOff();
    const answered = () => meter.counts().during.sent - meter.counts().during.failed;
    // Of these the first few may have been sent before the mark, and have got here after it.
    await eventually(() => answered() > 20, { name: "requests after the mark" });
    const { baseline, during, inFlight } = await meter.stop();
    assert.equal(baseline.sent, 0);
    // By itself it is told as one that was in flight; what was sent later is not.
    assert.deepEqual([during.failed, inFlight.failed], [waiting.length, waiting.length]);
    assert.ok(inFlight.sent < during.sent, "others were sent after the mark");
  });

  test("sends nothing at rate 0", async (t) => {
    const server = await serverOf(t, fine);
    const meter = metering(t, server.url, { meterRate: 0 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await meter.stop()).baseline.sent, 0);
    assert.equal(server.requests(), 0);
  });

  test("counts failures, and does not throw, where nothing can be asked", async (t) => {
    const meter = metering(t, "ftp://[nonsense");
    await eventually(() => meter.counts().baseline.failed > 5, { name: "failures" });
    const { baseline } = await meter.stop();
    assert.equal(baseline.failed, baseline.sent);
  });
});

test("the load generator tells which release answered each request, and when", async (t) => {
  const server = await serverOf(t, fine);
  const load = await startLoad({ url: server.url, freshPerSecond: 100, keepAliveConnections: 2, ratePerSecond: 100 });
  t.after(() => load.stop());
  await load.reached(30);
  server.behave((socket) =>
    socket.write(answer("200 OK", "a longer page that is no release's name", "X-Release: v2\r\n")),
  );
  await load.reached(load.counts().sent + 30);
  const { releases, requests, sent } = await load.stop();
  assert.deepEqual(Object.keys(releases).sort(), ["v1", "v2"]);
  assert.equal((releases.v1 ?? 0) + (releases.v2 ?? 0), sent);
  const lastOld = requests.findLastIndex((request) => request.release === "v1");
  assert.ok(requests.slice(lastOld + 1).every((request) => request.release === "v2"));
  assert.ok(requests.every((request) => request.doneAt >= request.sentAt));
});
