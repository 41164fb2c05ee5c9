/** The far-away host that tests and benchmarks stand on: it must be as far away as it says, and nothing else. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { startDelayProxy } from "../../support/load/delay-proxy.ts";
import { runOk } from "../../support/processes.ts";

async function withEcho(check: (port: number) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await check((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

const answer = async (socket: Socket, text: string) => {
  const begin = performance.now();
  socket.write(text);
  await once(socket, "data");
  return performance.now() - begin;
};

test("an answer takes two ways, and the first one the way of the connection too", async () => {
  await withEcho(async (port) => {
    const oneWayMs = 30;
    const proxy = await startDelayProxy({ target: { port }, oneWayMs });
    const socket = connect({ port: proxy.port, noDelay: true });
    const first = await answer(socket, "x");
    const later = await answer(socket, "y");
    // Timers may be late on a busy machine, but never early.
    assert.ok(first >= 4 * oneWayMs - 1, `${first} ms`);
    assert.ok(later >= 2 * oneWayMs - 1, `${later} ms`);
    assert.deepEqual(proxy.counts(), { up: 2, down: 2, connections: 1, turns: 2 });
    socket.destroy();
    await proxy.close();
  });
});

test("all bytes arrive in their order, and the end behind them", async () => {
  await withEcho(async (port) => {
    const proxy = await startDelayProxy({ target: { port }, oneWayMs: 5 });
    const socket = connect({ port: proxy.port, allowHalfOpen: true });
    const sent = Buffer.from(Uint32Array.from({ length: 2 * 1024 * 1024 }, (_, i) => i).buffer);
    socket.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(sent));
    assert.equal(proxy.counts().up, sent.length);
    assert.equal(proxy.counts().down, sent.length);
    await proxy.close();
  });
});

test("throughput does not depend on the delay: much more than one buffer is under way at a time", async () => {
  await withEcho(async (port) => {
    const oneWayMs = 100;
    const proxy = await startDelayProxy({ target: { port }, oneWayMs });
    const socket = connect({ port: proxy.port, allowHalfOpen: true });
    const bytes = 16 * 1024 * 1024;
    await answer(socket, "x");
    const begin = performance.now();
    let heard = 0;
    socket.end(Buffer.alloc(bytes));
    for await (const chunk of socket) heard += chunk.length;
    // With one buffer of 64 KiB for each round trip it would take 256 of them.
    assert.equal(heard, bytes);
    assert.ok(performance.now() - begin < 64 * 2 * oneWayMs);
    await proxy.close();
  });
});

test("a cut resets both ends", async () => {
  const ends: Promise<unknown[]>[] = [];
  const server = createServer((socket) => ends.push(once(socket, "error")));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await startDelayProxy({ target: { port: (server.address() as AddressInfo).port }, oneWayMs: 0 });
  const socket = connect(proxy.port);
  const connected = once(server, "connection");
  await once(socket, "connect");
  await connected;
  ends.push(once(socket, "error"));
  proxy.cut();
  for (const [error] of await Promise.all(ends)) assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
  await proxy.close();
  server.close();
});

/** Its end is still being sent. */
const RESET_AT_ITS_END = `
  import { connect, createServer } from "node:net";
  import { once } from "node:events";
  const { resetSocket } = await import(process.argv[1]);
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect(server.address().port, "127.0.0.1").on("error", () => {});
  await once(socket, "connect");
  socket.end();
  await new Promise((resolve) => process.nextTick(resolve));
  resetSocket(socket);
  server.close();
`;

test("a process that resets a connection at its end comes to its own end", async () => {
  const reset = new URL("../../support/load/reset.ts", import.meta.url).href;
  await runOk([process.execPath, "--input-type=module", "-e", RESET_AT_ITS_END, reset]);
});
