/** What runs at the other end: its input, its output, and how it ended. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Connection } from "../../../cli/io/session/transport.ts";
import { STDERR_TAIL_LENGTH } from "../../../cli/io/ssh/channel.ts";
import { eventually } from "../../support/eventually.ts";
import { linkFailureOf, runOn, type SshRig, startSshRig, textOf } from "./rig.ts";

const MIB = 1024 * 1024;

describe("a command on a host", () => {
  let rig: SshRig;
  let connection: Connection;
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  before(async () => {
    process.on("warning", note);
    // More bytes than this, and client and host agree on new keys in the middle of whatever they do.
    rig = await startSshRig({ extraConfig: ["RekeyLimit 16M", "LogLevel DEBUG1"] });
    connection = await rig.connect();
  });
  after(async () => {
    process.off("warning", note);
    await rig.stop();
  });

  test("gets its input, gives its output, and ends with its code", async () => {
    const { stderr, ...rest } = await runOn(connection, "exec sh -c 'cat; echo aside >&2; exit 7'", "hello");
    assert.deepEqual(rest, { stdout: "hello", code: 7, signal: null });
    assert.ok(stderr.endsWith("aside\n"), stderr);
  });

  test("that a signal ended says which", async () => {
    const { code, signal } = await runOn(connection, "kill -TERM $$");
    assert.deepEqual({ code, signal }, { code: null, signal: "SIGTERM" });
  });

  test("may answer after the end of its input", async () => {
    assert.equal((await runOn(connection, "cat >/dev/null; echo late")).stdout, "late\n");
  });

  test("may end while input is still being written, and the writer hears of it", async () => {
    const channel = await connection.exec("exec head -c 1 >/dev/null");
    channel.stdout.resume();
    const block = Buffer.alloc(MIB);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => new Promise<unknown>((resolve) => channel.stdin.write(block, resolve))),
    );
    assert.equal((results.at(-1) as NodeJS.ErrnoException | undefined)?.code, "EPIPE");
    assert.equal((await channel.closed).code, 0);
  });

  test("is ended when its input is given up in the middle", async () => {
    const channel = await connection.exec("exec cat");
    channel.stdout.resume();
    channel.stdin.write("half a mes");
    channel.stdin.destroy(new Error("the source failed"));
    await channel.closed;
  });

  test("may be as noisy on stderr as it likes: the last lines are kept, and it is not held up", async () => {
    const channel = await connection.exec("seq 1 400000 >&2; echo done");
    assert.equal(await textOf(channel), "done\n");
    assert.equal((await channel.closed).code, 0);
    const tail = channel.stderrTail();
    assert.ok(tail.endsWith("\n399999\n400000\n"));
    assert.ok(tail.length <= STDERR_TAIL_LENGTH);
  });

  test("may split a character over two packets of stderr", async () => {
    const channel = await connection.exec("printf 'a\\303' >&2; read line; printf '\\244b' >&2");
    await eventually(() => channel.stderrTail().endsWith("a"), { name: "the first half has come" });
    channel.stdin.end("\n");
    channel.stdout.resume();
    await channel.closed;
    assert.ok(channel.stderrTail().endsWith("aäb"), channel.stderrTail());
  });

  test("gives its output as bytes, which nothing decodes on the way", async () => {
    const channel = await connection.exec("printf '\\377\\303'");
    const chunks: Buffer[] = [];
    for await (const chunk of channel.stdout) chunks.push(chunk);
    assert.deepEqual(Buffer.concat(chunks), Buffer.of(0xff, 0xc3));
  });

  test("that does not read its input stops the writer, and gets all of it later", async () => {
    const block = Buffer.alloc(64 * 1024, "x");
    const total = (48 * MIB) / block.length;
    const channel = await connection.exec("while [ ! -e go ]; do sleep 0.05; done; exec wc -c");
    const text = textOf(channel);
    let written = 0;
    const pump = (async () => {
      for (; written < total; written++) {
        if (!channel.stdin.write(block)) await new Promise((resolve) => channel.stdin.once("drain", resolve));
      }
      channel.stdin.end();
    })();
    await stalled(() => written);
    assert.ok(written * block.length < 8 * MIB, `${written * block.length} bytes were taken from the source`);
    await writeFile(join(rig.user.home, "go"), "");
    await pump;
    assert.equal(await text, `${48 * MIB}\n`);
  });

  test("gets a large input whole, through new keys in the middle, while memory stays flat", async () => {
    const total = 192;
    const channel = await connection.exec("exec wc -c");
    const text = textOf(channel);
    const block = Buffer.alloc(MIB, "x");
    let early = 0;
    for (let sent = 0; sent < total; sent++) {
      if (!channel.stdin.write(block)) await new Promise((resolve) => channel.stdin.once("drain", resolve));
      if (sent === total / 4) early = process.memoryUsage().rss;
    }
    channel.stdin.end();
    assert.equal(await text, `${total * MIB}\n`);
    const grown = process.memoryUsage().rss - early;
    assert.ok(grown < 64 * MIB, `${grown} bytes more for ${(total * 3) / 4} MiB more`);
    assert.match(rig.sshd.logText(), /rekey/i);
  });

  test("may give a large output, of which only what is read is taken from the host", async () => {
    const channel = await connection.exec("exec head -c 67108864 /dev/zero");
    await stalled(() => channel.stdout.readableLength);
    assert.ok(channel.stdout.readableLength <= 4 * MIB, `${channel.stdout.readableLength}`);
    let bytes = 0;
    for await (const chunk of channel.stdout) bytes += chunk.length;
    assert.equal(bytes, 64 * MIB);
  });

  test("is one of many on one connection, and no listener piles up", async () => {
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all([1, 2, 3, 4].map((i) => runOn(connection, `echo ${i}`)));
      assert.deepEqual(
        results.map(({ stdout }) => stdout),
        ["1\n", "2\n", "3\n", "4\n"],
      );
    }
    assert.deepEqual(warnings, []);
  });

  test("travels encrypted by aes128-gcm and not compressed", () => {
    const log = rig.sshd.logText();
    assert.match(log, /cipher: aes128-gcm@openssh\.com MAC: <implicit> compression: none/);
    assert.doesNotMatch(log, /compression: zlib/);
  });

  /** Nothing more moves, though the link has carried other commands there and back meanwhile. */
  async function stalled(progress: () => number): Promise<void> {
    await eventually(
      async () => {
        const seen = progress();
        await runOn(connection, "true");
        await runOn(connection, "true");
        return seen > 0 && seen === progress();
      },
      { name: "nothing moves any more" },
    );
  }
});

describe("a host with MaxSessions 1", () => {
  let rig: SshRig;
  before(async () => {
    rig = await startSshRig({ extraConfig: ["MaxSessions 1"] });
  });
  after(() => rig.stop());

  test("refuses a second command beside the first, which goes on", async () => {
    const connection = await rig.connect();
    const first = await connection.exec("exec cat");
    await linkFailureOf(connection.exec("true"), "agent-start");
    first.stdin.end("still here");
    assert.equal(await textOf(first), "still here");
  });

  test("takes one after the other on the same connection", async () => {
    const connection = await rig.connect();
    const begin = { connections: rig.sshd.connectionCount(), channels: rig.sshd.channelCount() };
    for (let i = 0; i < 3; i++) assert.equal((await runOn(connection, `echo ${i}`)).stdout, `${i}\n`);
    assert.equal(rig.sshd.connectionCount(), begin.connections);
    // What sshd logs comes by a pipe of its own, and may come after what the command has printed.
    await eventually(() => rig.sshd.channelCount() >= begin.channels + 3, { name: "sshd has told of three channels" });
    assert.equal(rig.sshd.channelCount(), begin.channels + 3);
  });
});

describe("a host with MaxSessions 2", () => {
  test("runs two commands at once, and refuses a third, while both go on", async (t) => {
    const rig = await startSshRig({ extraConfig: ["MaxSessions 2"] });
    t.after(() => rig.stop());
    const connection = await rig.connect();
    const both = [await connection.exec("exec cat"), await connection.exec("exec cat")];
    await linkFailureOf(connection.exec("true"), "agent-start");
    for (const [at, channel] of both.entries()) channel.stdin.end(`still here ${at}`);
    assert.deepEqual(await Promise.all(both.map(textOf)), ["still here 0", "still here 1"]);
  });
});
