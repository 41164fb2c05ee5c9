/** Health requests against servers that behave as they should, and as they should not. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import { probeOnce } from "../../../agent/io/http/probe.ts";
import type { HttpHealth } from "../../../agent/wire/plan.ts";
import { startChild } from "../../support/child.ts";
import { answer, type BadServer, type Behaviour, fine, reset, startBadServer } from "../../support/load/bad-server.ts";

const health = (url: string, changes: Partial<HttpHealth> = {}): HttpHealth => ({
  ...{ http: url, timeoutMs: 20_000, requestTimeoutMs: 20_000, status: [], meterRate: 0, ...changes },
});

async function serverOf(t: TestContext, behaviour: Behaviour): Promise<BadServer> {
  const server = await startBadServer(behaviour);
  t.after(() => server.down());
  return server;
}

async function probe(t: TestContext, behaviour: Behaviour, changes: Partial<HttpHealth> = {}) {
  const { url } = await serverOf(t, behaviour);
  const { ok, status, error } = await probeOnce(health(url, changes));
  return { ok, status, error };
}

const says =
  (status: string): Behaviour =>
  (socket) =>
    socket.write(answer(status));

test("statuses from 200 to 399 are healthy, and a redirect is not followed", async (t) => {
  assert.deepEqual(await probe(t, says("200 OK")), { ok: true, status: 200, error: undefined });
  const redirect: Behaviour = (socket) => socket.write(answer("301 Moved", "", "Location: http://127.0.0.1:1/\r\n"));
  assert.deepEqual(await probe(t, redirect), { ok: true, status: 301, error: undefined });
  assert.deepEqual(await probe(t, says("404 Not Found")), { ok: false, status: 404, error: "status 404" });
  assert.deepEqual(await probe(t, says("503 Sorry")), { ok: false, status: 503, error: "status 503" });
});

test("statuses that are listed are healthy, and no others", async (t) => {
  assert.equal((await probe(t, says("401 Unauthorized"), { status: [401] })).ok, true);
  assert.equal((await probe(t, says("200 OK"), { status: [401] })).ok, false);
});

test("what went wrong is said in a few words", async (t) => {
  const closed = await startBadServer(fine);
  await closed.down();
  assert.equal((await probeOnce(health(closed.url))).error, `connect ECONNREFUSED 127.0.0.1:${closed.port}`);
  const localhost = `http://localhost:${closed.port}/`;
  assert.match((await probeOnce(health(localhost))).error ?? "", /^connect ECONNREFUSED (127\.0\.0\.1|::1):\d+$/);
  assert.equal((await probeOnce(health(closed.url))).isRefused, true);
  const { url } = await serverOf(t, reset);
  assert.equal((await probeOnce(health(url))).isRefused, undefined);
  assert.equal((await probe(t, (socket) => socket.end())).error, "connection closed without an answer");
  assert.equal((await probe(t, reset)).error, "read ECONNRESET");
  assert.match((await probe(t, (socket) => socket.end("SSH-2.0\r\n\r\n"))).error ?? "", /^no HTTP answer \(HPE_\w+\)$/);
  const cut: Behaviour = (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nv1");
  assert.equal((await probe(t, cut)).error, "answer cut");
  assert.equal((await probe(t, () => {}, { requestTimeoutMs: 50 })).error, "no answer within 50 ms");
  assert.ok((await probeOnce(health("http://[bad"))).error);
});

test("an answer without an end is cut off, and its status believed", async (t) => {
  const endless: Behaviour = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const more = () => socket.destroyed || socket.write(Buffer.alloc(65536), () => setImmediate(more));
    more();
  };
  assert.equal((await probe(t, endless)).ok, true);
});

test("IPv6 is asked as well as IPv4, and localhost though it may mean both", async (t) => {
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
  t.after(() => server.close());
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  assert.equal((await probeOnce(health(`http://[::1]:${port}/`))).ok, true);
  const four = await serverOf(t, fine);
  assert.equal((await probeOnce(health(`http://localhost:${four.port}/`))).ok, true);
});

test("each probe takes a connection of its own", async (t) => {
  const server = await serverOf(t, fine);
  for (let times = 0; times < 3; times++) await probeOnce(health(server.url));
  assert.equal(server.connections(), 3);
});

test("a stall of our own is not taken for a server that does not answer", async (t) => {
  const code = `require("node:http").createServer((q, r) => r.end()).listen(0, "127.0.0.1", function () {
    console.log(this.address().port);
  });`;
  const child = await startChild([process.execPath, "-e", code]);
  t.after(() => child.end());
  const answered = probeOnce(health(`http://127.0.0.1:${child.said}/`, { requestTimeoutMs: 100 }));
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300));
  assert.equal((await answered).ok, true);
});

test("a request ends at once when it is aborted in the middle", async (t) => {
  const abort = new AbortController();
  const { url } = await serverOf(t, () => abort.abort());
  const { ok, error } = await probeOnce(health(url), abort.signal);
  assert.deepEqual([ok, error], [false, "interrupted"]);
});
