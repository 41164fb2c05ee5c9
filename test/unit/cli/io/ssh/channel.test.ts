import assert from "node:assert/strict";
import { Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import type { ClientChannel } from "ssh2";
import { channelOf } from "../../../../../cli/io/ssh/channel.ts";

const KIB = 1024;

/** A connection that holds back whatever it is given, as one through a jump host does while that one's window is small. */
function heldBack(highWaterMark: number): Duplex {
  const socket = new Duplex({ highWaterMark, read() {}, write() {} });
  socket.write(Buffer.alloc(200 * KIB));
  return socket;
}

test("input goes on to a host behind a connection that holds back less than its buffer takes", async () => {
  const stream = Object.assign(new PassThrough(), { stderr: new PassThrough() });
  const link = { gone: new Promise<void>(() => {}), isGone: () => false };
  const { stdin } = channelOf(stream as unknown as ClientChannel, link, heldBack(2048 * KIB));
  stream.resume();
  await new Promise<void>((resolve, reject) => {
    stdin.write(Buffer.alloc(1024 * KIB), (error) => (error ? reject(error) : resolve()));
  });
});

test("input waits for a connection that can take no more", async () => {
  const stream = Object.assign(new PassThrough(), { stderr: new PassThrough() });
  const link = { gone: new Promise<void>(() => {}), isGone: () => false };
  const socket = heldBack(16 * KIB);
  const { stdin } = channelOf(stream as unknown as ClientChannel, link, socket);
  stream.resume();
  let isWritten = false;
  const written = new Promise<void>((resolve) => stdin.write(Buffer.alloc(256 * KIB), () => resolve()));
  void written.then(() => {
    isWritten = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isWritten, false);
  socket.emit("drain");
  await written;
});

for (const [exit, end] of [
  [[7], { code: 7, signal: null }],
  [[null, "SIGTERM", false, ""], { code: null, signal: "SIGTERM" }],
  [[], { code: null, signal: null }],
] as const) {
  test(`how a command ended is known where it ended before anybody listened: ${JSON.stringify(exit)}`, async () => {
    const stream = Object.assign(new PassThrough({ emitClose: false }), { stderr: new PassThrough() });
    const link = { gone: new Promise<void>(() => {}), isGone: () => false };
    stream.emit("exit", ...exit);
    const { closed } = channelOf(stream as unknown as ClientChannel, link, heldBack(16 * KIB));
    stream.emit("close", ...exit);
    assert.deepEqual(await closed, end);
  });
}
