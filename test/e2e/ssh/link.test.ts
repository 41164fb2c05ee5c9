/** How a link comes to stand and how it ends, by accident too: nothing hangs, nothing is thrown out of nowhere. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Duplex, Readable, Writable } from "node:stream";
import { after, afterEach, before, describe, test } from "node:test";
import ssh2, { type Client } from "ssh2";
import { eventually } from "../../support/eventually.ts";
import { type DelayProxy, startDelayProxy } from "../../support/load/delay-proxy.ts";
import { linkFailureOf, runOn, type SshRig, startSshRig, textOf } from "./rig.ts";

const FOREVER = "exec sleep 600";

describe("a link", () => {
  let rig: SshRig;
  const proxies: DelayProxy[] = [];
  /** What Node would end the process with, and what it would complain about. */
  const outOfNowhere: unknown[] = [];
  const note = (error: unknown) => outOfNowhere.push(error);

  before(async () => {
    process.on("uncaughtException", note).on("unhandledRejection", note).on("warning", note);
    rig = await startSshRig();
  });
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    assert.deepEqual(outOfNowhere.splice(0), []);
  });
  after(() => {
    process.off("uncaughtException", note).off("unhandledRejection", note).off("warning", note);
    return rig.stop();
  });

  const throughProxy = async (oneWayMs = 0) => {
    const proxy = await startDelayProxy({ target: { port: rig.sshd.port }, oneWayMs });
    proxies.push(proxy);
    return { proxy, connection: await rig.connect({ port: proxy.port }) };
  };

  describe("is lost in the middle of a command:", () => {
    test("the channel says so with neither code nor signal, and what had come is there", async () => {
      const { proxy, connection } = await throughProxy();
      const channel = await connection.exec(`echo half; ${FOREVER}`);
      const lines: string[] = [];
      channel.stdout.on("data", (chunk: Buffer) => lines.push(String(chunk)));
      await once(channel.stdout, "data");
      proxy.cut();
      assert.deepEqual(await channel.closed, { code: null, signal: null });
      assert.deepEqual(lines, ["half\n"]);
    });

    test("the end of stdout comes too, so that a reader does not wait for ever", async () => {
      const { proxy, connection } = await throughProxy();
      const channel = await connection.exec(FOREVER);
      const text = textOf(channel);
      proxy.cut();
      assert.equal(await text, "");
    });

    test("nobody needs to read for the end to be heard", async () => {
      const { proxy, connection } = await throughProxy();
      const channel = await connection.exec(`yes; ${FOREVER}`);
      await once(channel.stdout, "readable");
      proxy.cut();
      assert.deepEqual(await channel.closed, { code: null, signal: null });
    });

    test("a writer that waits for the host fails", async () => {
      const { proxy, connection } = await throughProxy();
      const channel = await connection.exec(FOREVER);
      channel.stdout.resume();
      const block = Buffer.alloc(128 * 1024);
      const writes = Array.from(
        { length: 64 },
        () => new Promise<unknown>((resolve) => channel.stdin.write(block, resolve)),
      );
      await writes[0];
      proxy.cut();
      const results = await Promise.all(writes);
      assert.ok(results.at(-1) instanceof Error);
      await channel.closed;
    });

    test("stdin may already have ended, and may be ended, written and destroyed afterwards", async () => {
      const { proxy, connection } = await throughProxy();
      const channels = await Promise.all([1, 2, 3, 4].map(() => connection.exec(FOREVER)));
      channels[0]?.stdin.end("over");
      for (const channel of channels) channel.stdout.resume();
      proxy.cut();
      await Promise.all(channels.map((channel) => channel.closed));
      channels[1]?.stdin.end();
      channels[2]?.stdin.write("more");
      channels[3]?.stdin.destroy();
      channels[3]?.stdout.destroy();
    });

    test("the next command fails as a lost link, and closing is still allowed", async () => {
      const { proxy, connection } = await throughProxy();
      const channel = await connection.exec(FOREVER);
      channel.stdout.resume();
      proxy.cut();
      await channel.closed;
      const lost = await linkFailureOf(connection.exec("true"), "link-lost");
      assert.match(lost.detail, /ECONNRESET/);
      connection.close();
      connection.close();
    });

    test("a command that was about to start fails as a lost link", async () => {
      const { proxy, connection } = await throughProxy(50);
      const opening = linkFailureOf(connection.exec("true"), "link-lost");
      proxy.cut();
      await opening;
    });
  });

  test("that goes silent fails the next command after the time for channels", async () => {
    const proxy = await startDelayProxy({ target: { port: rig.sshd.port }, oneWayMs: 0 });
    proxies.push(proxy);
    const connection = await rig.connect({ port: proxy.port, timeouts: { channelMs: 200 } });
    proxy.freeze();
    const silent = await linkFailureOf(connection.exec("true"), "link-silent");
    assert.equal(silent.silentMs, 200);
  });

  test("that goes silent is found out by pings that nobody answers", async () => {
    const proxy = await startDelayProxy({ target: { port: rig.sshd.port }, oneWayMs: 0 });
    proxies.push(proxy);
    const connection = await rig.connect({ port: proxy.port, timeouts: { keepaliveMs: 20 } });
    const channel = await connection.exec("exec cat");
    channel.stdout.resume();
    proxy.freeze();
    assert.deepEqual(await channel.closed, { code: null, signal: null });
  });

  test("is closed without waiting for the host", async () => {
    const { proxy, connection } = await throughProxy();
    const channel = await connection.exec(FOREVER);
    channel.stdout.resume();
    proxy.freeze();
    connection.close();
    assert.deepEqual(await channel.closed, { code: null, signal: null });
  });

  test("leaves nothing open on the host once it is closed", async () => {
    const begin = rig.sshd.logText().length;
    const connection = await rig.connect();
    await runOn(connection, "true");
    connection.close();
    await eventually(() => /Disconnected from user|Connection closed by/.test(rig.sshd.logText().slice(begin)), {
      name: "sshd sees the end of the connection",
    });
  });

  test("answers small messages more than twice as quickly as ssh2 does where TCP_NODELAY is not set", async () => {
    // The machine may have other things to do while one of them is measured, but not each time.
    await eventually(
      async () => {
        const connection = await rig.connect();
        const { stdin, stdout } = await connection.exec("exec cat");
        const ours = await medianAnswerMs(stdin, stdout);
        connection.close();
        const client = await plainSsh2(rig);
        const stream = await new Promise<Duplex>((resolve, reject) => {
          client.exec("exec cat", (error, channel) => (error ? reject(error) : resolve(channel)));
        });
        const theirs = await medianAnswerMs(stream, stream);
        client.end();
        assert.ok(ours < theirs / 2, `${ours} and ${theirs} ms`);
        return true;
      },
      { name: "ours is quicker" },
    );
  });

  test("stands and has run a command after nine round trips", async () => {
    const { proxy, connection } = await throughProxy(15);
    const channel = await connection.exec("echo first");
    await once(channel.stdout, "data");
    // One for TCP, then: identification, key exchange (2), service, key offer, signature, channel, command.
    assert.ok(proxy.counts().turns + 1 <= 9, `${proxy.counts().turns + 1} round trips`);
  });
});

/** ssh2 as it is when nobody sets anything. */
async function plainSsh2({ sshd, user, key }: SshRig): Promise<Client> {
  const client = new ssh2.Client();
  const ready = once(client, "ready");
  const privateKey = await readFile(key.path);
  client.connect({ host: sshd.host, port: sshd.port, username: user.name, privateKey, hostVerifier: () => true });
  await ready;
  return client;
}

/** Three small packets, one right behind the other, until all have come back. */
async function medianAnswerMs(stdin: Writable, stdout: Readable): Promise<number> {
  let heard = 0;
  stdout.on("data", (chunk: Buffer) => {
    heard += chunk.length;
  });
  const times: number[] = [];
  for (let round = 1; round <= 9; round++) {
    const begin = performance.now();
    for (let i = 0; i < 3; i++) {
      stdin.write("x");
      await new Promise(setImmediate);
    }
    while (heard < 3 * round) await new Promise(setImmediate);
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[4] ?? 0;
}
