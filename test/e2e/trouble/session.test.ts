/** The two ends of a channel, each against the worst that the other end could be. No host, no SSH: streams. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Wire } from "../../../agent/io/wire.ts";
import { REPLY_LINE_LIMIT_BYTES, REQUEST_LINE_LIMIT_BYTES } from "../../../agent/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { linkFailureOf, openFakeHost } from "../../support/hostile/fake-host.ts";

/** Short, so that silence is over soon; the defaults are seconds. */
const QUICK = { heartbeatMs: 20, silenceMs: 200 };
const SETTLE = { verb: "settle", id: 1 } as const;

/** Each chunk is overwritten when it has been taken, as that of the real stdin is. */
const openOn = (stdin: PassThrough) => (take: (chunk: Uint8Array) => void) =>
  stdin.on("data", (chunk: Buffer) => {
    const lent = Buffer.from(chunk);
    take(lent);
    lent.fill("!");
  });

describe("the agent's end of the channel", () => {
  function openWire(limits = QUICK) {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    let said = "";
    stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const wire = new Wire({ openStdin: openOn(stdin), stdout, leftover: Buffer.alloc(0), ...limits });
    return { wire, stdin, stdout, said: () => said };
  }
  const ended = (wire: Wire) => eventually(() => wire.gone.aborted, { name: "the wire has noticed" });

  test("hands over requests in order, also those that the loader had read already", async () => {
    const leftover = Buffer.from(`${JSON.stringify(SETTLE)}\n`);
    const stdin = new PassThrough();
    const wire = new Wire({ openStdin: openOn(stdin), stdout: new PassThrough(), leftover });
    stdin.write(`${JSON.stringify({ ...SETTLE, id: 2 })}\n`);
    assert.deepEqual(await wire.next(), { kind: "request", request: SETTLE });
    assert.deepEqual(await wire.next(), { kind: "request", request: { ...SETTLE, id: 2 } });
    wire.close();
  });

  test("says beat while nothing happens", async () => {
    const { wire, said } = openWire();
    await eventually(() => said().split('{"kind":"beat"}').length > 3, { name: "three beats" });
    wire.close();
  });

  test("takes silence as the end of the CLI, and beats as life", async () => {
    const { wire, stdin } = openWire();
    const beats = setInterval(() => stdin.write('{"verb":"beat"}\n'), 20);
    await new Promise((resolve) => setTimeout(resolve, QUICK.silenceMs * 2));
    assert.equal(wire.gone.aborted, false);
    clearInterval(beats);
    await ended(wire);
    assert.equal(wire.gone.reason, "silence");
    assert.equal(await wire.next(), undefined);
    wire.close();
  });

  test("takes no stall of its own for silence: what came meanwhile is read first", async () => {
    const { wire, stdin } = openWire();
    await sleep(QUICK.heartbeatMs);
    await new Promise((resolve) => setImmediate(resolve));
    // Behind the timers that are due by then, as what stands in a pipe.
    setImmediate(() => stdin.write('{"verb":"beat"}\n'));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, QUICK.silenceMs * 3);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(wire.gone.aborted, false);
    await ended(wire);
    assert.equal(wire.gone.reason, "silence");
    wire.close();
  });

  test("takes the end of stdin, abort, a broken stdout and a line that never ends each as the end", async () => {
    const ends: [string, (streams: { stdin: PassThrough; stdout: PassThrough }) => void][] = [
      ["end of stdin", ({ stdin }) => stdin.end()],
      ["abort", ({ stdin }) => stdin.write('{"verb":"abort"}\n')],
      ["stdout broke", ({ stdout }) => stdout.destroy(new Error("EPIPE"))],
      ["a line that is too long", ({ stdin }) => stdin.write("x".repeat(REQUEST_LINE_LIMIT_BYTES + 1))],
    ];
    for (const [reason, act] of ends) {
      const { wire, stdin, stdout } = openWire({ heartbeatMs: 1000, silenceMs: 10_000 });
      act({ stdin, stdout });
      await ended(wire);
      assert.equal(wire.gone.reason, reason);
      wire.close();
    }
  });

  test("answers what it does not understand, and goes on", async () => {
    const { wire, stdin } = openWire();
    stdin.write('not json\n{"verb":"fly","id":7}\n{"verb":"activate","id":8}\n');
    const kinds = [await wire.next(), await wire.next(), await wire.next()];
    assert.deepEqual(
      kinds.map((one) => (one?.kind === "invalid" ? [one.id, one.verb] : one)),
      [
        [0, undefined],
        [7, "fly"],
        [8, "activate"],
      ],
    );
    wire.close();
  });

  test("reads upload bytes no faster than they are taken, and loses none", async () => {
    const { wire, stdin } = openWire({ heartbeatMs: 1000, silenceMs: 10_000 });
    const [frame, count] = [Buffer.alloc(1024 * 1024, "x"), 16];
    for (let sent = 0; sent < count; sent++) {
      stdin.write(`{"verb":"data","bytes":${frame.length}}\n`);
      stdin.write(frame);
    }
    await eventually(() => stdin.isPaused(), { name: "it stops reading" });
    const waiting = stdin.readableLength + stdin.writableLength;
    assert.ok(waiting > (count / 2) * frame.length, `${waiting} bytes wait`);
    let taken = 0;
    while (taken < count * frame.length) {
      const next = await wire.next();
      if (next?.kind === "data") taken += next.bytes.length;
    }
    assert.equal(taken, count * frame.length);
    wire.close();
  });

  test("hands an upload on as it comes, up to the empty frame, and what stands behind that to who asks next", async () => {
    const { wire, stdin } = openWire({ heartbeatMs: 1000, silenceMs: 10_000 });
    const sent: Buffer[] = [];
    const send = (bytes: Buffer) => {
      sent.push(bytes);
      stdin.write(`{"verb":"data","bytes":${bytes.length}}\n`);
      stdin.write(bytes);
    };
    send(Buffer.alloc(300_000, "early"));
    await eventually(() => stdin.readableLength === 0, { name: "it has been read before anybody asked" });
    const taken: Buffer[] = [];
    const poured = wire.pour((bytes) => taken.push(Buffer.from(bytes)) > 0);
    send(Buffer.alloc(70_000, "late"));
    stdin.write(`{"verb":"beat"}\n{"verb":"data","bytes":0}\n${JSON.stringify(SETTLE)}\n`);
    assert.equal(await poured, "whole");
    assert.ok(Buffer.concat(taken).equals(Buffer.concat(sent)));
    assert.deepEqual(await wire.next(), { kind: "request", request: SETTLE });
    wire.close();
  });

  test("ends an upload that is refused, that something else interrupts, or that nobody sends any more", async () => {
    const frame = '{"verb":"data","bytes":3}\nabc';
    const ends: [string, (stdin: PassThrough) => unknown, boolean][] = [
      ["refused", (stdin) => stdin.write(frame), false],
      ["other", (stdin) => stdin.write(`${frame}${JSON.stringify(SETTLE)}\n`), true],
      ["gone", (stdin) => stdin.end(frame), true],
    ];
    for (const [end, act, wants] of ends) {
      const { wire, stdin } = openWire({ heartbeatMs: 1000, silenceMs: 10_000 });
      const poured = wire.pour(() => wants);
      act(stdin);
      assert.equal(await poured, end);
      wire.close();
    }
  });
});

describe("the CLI's end of the channel", () => {
  /** A host that says what it is told to say, once it has been asked. */
  async function session(answer: (asked: { magic: string; stdin: string }) => string, limits = {}) {
    const host = await openFakeHost(limits);
    host.stdin.once("data", (chunk: Buffer) => {
      host.stdout.write(answer({ magic: host.magic, stdin: chunk.toString() }));
    });
    return { ...host, opened: host.session };
  }
  const started = (magic: string) => `\n${magic} {"kind":"start"}\n`;
  test("skips what login shells say before the agent does, and keeps it", async () => {
    const result = JSON.stringify({ kind: "result", id: 1, result: { pruned: [], warnings: [] } });
    const { opened, close } = await session(({ magic }) => `Welcome!\nno newline${started(magic)}${result}\n`);
    assert.deepEqual(await opened.request("settle", {}), { pruned: [], warnings: [] });
    assert.match(opened.noise(), /Welcome!\nno newline/);
    close({ code: 0, signal: null });
  });

  test("sends what belongs to an early request when it is known, and tells all that came before anybody asked", async () => {
    let tell: (line: object) => void = () => {};
    const follow = (write: typeof tell) => {
      tell = write;
    };
    const { session, stdin, stdout, magic, close } = await openFakeHost({}, { verb: "settle", body: {}, follow });
    assert.equal(session.isFollowing, true);
    const warning = { event: "warning", text: "it is late" } as const;
    stdout.write(`${started(magic)}${JSON.stringify({ kind: "event", id: 1, event: warning })}\n`);
    await eventually(() => stdout.readableLength === 0, { name: "the event has been read" });
    const events: unknown[] = [];
    const answer = session.request("settle", {}, (event) => events.push(event));
    assert.deepEqual(events, [warning]);
    assert.equal(stdin.read(), null);
    tell({ verb: "digest", digest: "abc" });
    await eventually(() => stdin.readableLength > 0, { name: "the rest is sent" });
    assert.equal(String(stdin.read()), '{"verb":"digest","digest":"abc"}\n');
    stdout.write(`${JSON.stringify({ kind: "result", id: 1, result: { pruned: [], warnings: [] } })}\n`);
    assert.deepEqual(await answer, { pruned: [], warnings: [] });
    close({ code: 0, signal: null });
  });

  test("gives a silent host up", async () => {
    const { opened, close } = await session(({ magic }) => started(magic), QUICK);
    const failure = await linkFailureOf(opened.request("settle", {}));
    assert.deepEqual([failure.kind, "isBeforeAgent" in failure], ["link-silent", false]);
    close({ code: null, signal: null });
  });

  test("gives a host up whose login shell never comes to the agent, and says that it was not the agent", async () => {
    const { opened, close } = await session(() => "Password for the proxy: ", QUICK);
    const failure = await linkFailureOf(opened.request("settle", {}));
    assert.ok(failure.kind === "link-silent" && failure.isBeforeAgent === true);
    close({ code: null, signal: null });
  });

  test("does not blame a login shell for a link that dies while the agent is brought there", async () => {
    const { opened, close } = await session(({ magic }) => `\n${magic} {"kind":"need"}\n`, QUICK);
    const failure = await linkFailureOf(opened.request("settle", {}));
    assert.deepEqual([failure.kind, "isBeforeAgent" in failure], ["link-silent", false]);
    close({ code: null, signal: null });
  });

  test("waits for a host that only says beat", async () => {
    const { opened, stdout, close } = await session(({ magic }) => started(magic), QUICK);
    const beats = setInterval(() => stdout.write('{"kind":"beat"}\n'), 20);
    const answer = opened.request("settle", {});
    await new Promise((resolve) => setTimeout(resolve, QUICK.silenceMs * 2));
    stdout.write(`${JSON.stringify({ kind: "result", id: 1, result: { pruned: ["v1"], warnings: [] } })}\n`);
    assert.deepEqual(await answer, { pruned: ["v1"], warnings: [] });
    clearInterval(beats);
    close({ code: 0, signal: null });
  });

  test("takes a dead link, an answer that does not fit, one to nothing and one without end each as that host's failure", async () => {
    const answers: [string, string][] = [
      ["agent-reply", "rubbish\n"],
      ["agent-reply", `${JSON.stringify({ kind: "result", id: 1, result: { pruned: 7 } })}\n`],
      ["agent-reply", `${JSON.stringify({ kind: "failure", id: 99, failure: { reason: "interrupted" } })}\n`],
      ["agent-reply", `${"[".repeat(100_000)}\n`],
      ["agent-reply", "x".repeat(REPLY_LINE_LIMIT_BYTES + 1)],
    ];
    for (const [kind, text] of answers) {
      const { opened, close } = await session(({ magic }) => `${started(magic)}${text}`);
      assert.equal((await linkFailureOf(opened.request("settle", {}))).kind, kind, text.slice(0, 60));
      close({ code: 0, signal: null });
    }
    const { opened, close } = await session(({ magic }) => started(magic));
    const lost = linkFailureOf(opened.request("settle", {}));
    close({ code: null, signal: null });
    assert.equal((await lost).kind, "link-lost");
  });

  test("is told of a Node that is too old, and of an agent that arrived broken", async () => {
    const old = await session(
      ({ magic }) => `\n${magic} {"kind":"too-old","version":"16.20.2","node":"/usr/bin/node"}\n`,
    );
    assert.deepEqual(await linkFailureOf(old.opened.request("settle", {})), {
      ...{ kind: "node-too-old", node: "/usr/bin/node", version: "16.20.2" },
    });
    const broken = await session(({ magic }) => `\n${magic} {"kind":"broken"}\n`);
    assert.equal((await linkFailureOf(broken.opened.request("settle", {}))).kind, "agent-start");
    for (const { close } of [old, broken]) close({ code: 0, signal: null });
  });

  test("believes no line that only looks like the agent's", async () => {
    const { opened, close } = await session(() => '\nzdr-000000000000000000000000 {"kind":"start"}\n', QUICK);
    assert.equal((await linkFailureOf(opened.request("settle", {}))).kind, "link-silent");
    close({ code: null, signal: null });
  });
});
