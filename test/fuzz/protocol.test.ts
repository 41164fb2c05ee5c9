/** The lines of a session, both ways, mutated, and cut wherever the network likes. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { parseLedger, releaseRecords } from "../../agent/core/ledger.ts";
import { judgeHolder, lockNumber, parseLock } from "../../agent/core/lock-text.ts";
import { parseProveAnswer } from "../../agent/core/process/prove-answer.ts";
import { formatProveRequest, parseProveRequest } from "../../agent/core/process/prove-text.ts";
import { Wire } from "../../agent/io/wire.ts";
import { ControlReply, ControlRequest } from "../../agent/keeper/wire.ts";
import { Reply, Request, results, type Verb } from "../../agent/protocol.ts";
import { ZdrError } from "../../cli/failure.ts";
import { Lines } from "../../cli/io/session/lines.ts";
import { readLoaderWord, readReply } from "../../cli/io/session/replies.ts";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { mutatedBytes, mutatedJson, mutatedText, NASTY_TEXTS } from "../support/fuzz/mutate.ts";
import { valuesOf } from "../support/fuzz/schema.ts";
import { openFakeHost, startLine } from "../support/hostile/fake-host.ts";

const scalars = {
  text: fc.oneof(fc.constantFrom("v1", "shop", "/data/web/shop", ...NASTY_TEXTS), fc.string({ maxLength: 6 })),
  natural: fc.oneof(fc.nat(5), fc.constantFrom(0, 255, 4711, Number.MAX_SAFE_INTEGER)),
  number: fc.oneof(fc.constantFrom(-1, 0.5, 1e300), fc.integer()),
};
const TOKENS = [
  '{"',
  '":',
  "{",
  "}",
  "[",
  "]",
  "\n",
  '"kind"',
  '"verb"',
  '"id":1',
  '"data"',
  '"bytes":',
  "1e999",
  ...NASTY_TEXTS,
];
const VERBS = Object.keys(results) as Verb[];

const reply = fc.oneof(
  valuesOf(Reply, scalars),
  fc
    .constantFrom(...VERBS)
    .chain((verb) => valuesOf(results[verb], scalars).map((result) => ({ kind: "result", id: 1, result }))),
);
const replyText = fc.oneof(
  mutatedJson(reply),
  mutatedText(
    reply.map((one) => JSON.stringify(one)),
    TOKENS,
  ),
);

fuzz(
  "a mutated reply is a reply, or a problem in words",
  fc.tuple(replyText, fc.constantFrom(...VERBS)),
  ([text, verb]) => {
    readLoaderWord(text);
    const read = readReply(text);
    if ("problem" in read) assert.ok(read.problem.length < 400);
    else if (read.kind === "result") results[verb].safeParse(read.result);
  },
);

fuzz(
  "a session with a host that says anything ends with an answer or with that host's failure",
  fc.tuple(
    fc.array(replyText, { minLength: 1, maxLength: 3 }),
    fc.constantFrom(...VERBS),
    fc.integer({ min: 1, max: 500 }),
  ),
  async ([lines, verb, pieceLength]) => {
    const host = await openFakeHost();
    const asked = host.session
      .request(verb, {} as never, () => {})
      .then(
        (result) => assert.equal(results[verb].safeParse(result).success, true),
        (error: unknown) => assert.ok(error instanceof ZdrError, String(error)),
      );
    const text = startLine(host) + lines.map((line) => `${line}\n`).join("");
    for (let at = 0; at < text.length; at += pieceLength) host.stdout.write(text.slice(at, at + pieceLength));
    // Nothing else is listened to: a stream that has been read to its end has been answered, or breaks now.
    await new Promise((resolve) => setImmediate(resolve));
    host.close({ code: 1, signal: null });
    await asked;
    await host.session.close();
  },
  { ciShare: 0.5 },
);

const someLines = fc.array(replyText, { maxLength: 5 }).map((lines) => Buffer.from(lines.join("\n")));
fuzz(
  "bytes cut anywhere come as the lines that they are",
  fc.tuple(mutatedBytes(someLines), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 10, max: 5000 })),
  ([bytes, pieceLength, limit]) => {
    const lines = new Lines(limit);
    const read: (string | undefined)[] = [];
    for (let at = 0; at < bytes.length && !read.includes(undefined); at += pieceLength)
      read.push(...lines.take(bytes.subarray(at, at + pieceLength)));
    const expected: (string | undefined)[] = [];
    for (let at = 0, end = 0; at < bytes.length; at = end + 1) {
      end = bytes.indexOf(0x0a, at);
      const line = bytes.subarray(at, end === -1 ? bytes.length : end);
      if (line.length > limit) {
        expected.push(undefined);
        break;
      }
      if (end === -1) break;
      expected.push(line.toString("utf8"));
    }
    assert.deepEqual(read, expected);
  },
);

const request = valuesOf(Request, scalars);
const requestText = fc.oneof(
  mutatedJson(request),
  mutatedText(
    request.map((one) => JSON.stringify(one)),
    TOKENS,
  ),
);
const stdin = fc.oneof(
  fc.array(requestText, { maxLength: 4 }).map((lines) => Buffer.from(`${lines.join("\n")}\n`)),
  mutatedBytes(
    fc
      .array(
        request.map((one) => JSON.stringify(one)),
        { maxLength: 4 },
      )
      .map((lines) => Buffer.from(`${lines.join("\n")}\n`)),
  ),
);

fuzz(
  "an agent that is sent anything takes requests, upload bytes, and what it can not read for what they are",
  fc.tuple(stdin, fc.integer({ min: 1, max: 2000 })),
  async ([bytes, pieceLength]) => {
    const source = new PassThrough();
    const wire = new Wire({
      openStdin: (take) => source.on("data", take),
      stdout: new PassThrough(),
      leftover: bytes.subarray(0, pieceLength),
    });
    for (let at = pieceLength; at < bytes.length; at += pieceLength) source.write(bytes.subarray(at, at + pieceLength));
    source.end();
    for (let next = await wire.next(); next !== undefined; next = await wire.next()) {
      if (next.kind === "request") assert.equal(Request.safeParse(next.request).success, true);
      else if (next.kind === "invalid") assert.equal(typeof next.id, "number");
    }
    wire.close();
  },
  { ciShare: 0.5 },
);

const LEDGER = [
  '{"event":"staged","at":"2026-11-20T10:00:00.000Z","tag":"v1","digest":"d","receivedBytes":1,"ms":1}',
  '{"event":"activating","at":"2026-11-20T10:00:01.000Z","tag":"v1","activation":"a","why":"deploy"}',
  '{"event":"good","at":"2026-11-20T10:00:02.000Z","tag":"v1","activation":"a","proof":"processes","evidence":[],"ms":1}',
];
const LOCK =
  '{"pid":1,"startTicks":1,"bootId":"b","pidNamespace":1,"since":"x","by":{"user":"u","host":"h"},"why":"w","released":false}';
const witness = { bootId: "b", pidNamespace: 1, startTicksOf: () => 1 };

fuzz(
  "a mutated ledger never calls a release good without its line",
  mutatedText(fc.constant(`${LEDGER.join("\n")}\n`), TOKENS),
  (text) => {
    const { entries } = parseLedger(text);
    for (const { verdict } of releaseRecords(entries).values())
      if (verdict === "good") assert.ok(text.includes('"good"') || text.includes("g\\u006fod"), text);
  },
);

fuzz(
  "a mutated lock is held, or is free by its own word",
  fc.tuple(mutatedText(fc.constant(LOCK), TOKENS), fc.constantFrom(...NASTY_TEXTS)),
  ([text, name]) => {
    const holder = parseLock(text);
    const isReleased = holder?.released === true;
    if (holder !== undefined && judgeHolder(holder, witness) === "free")
      assert.ok(isReleased || holder.startTicks !== 1 || holder.bootId !== "b");
    lockNumber(`lock.${name}`);
  },
);

const PROVE_REQUEST = formatProveRequest({ pids: [1, 4711], roots: [{ dev: 64_768n, ino: 1234n }] });
const PROVE_ANSWER =
  '{"v":1,"looks":[{"pid":1,"seen":0},{"pid":2,"seen":1,"startTicks":1,"uid":0},{"pid":3,"seen":2,"startTicks":1,"ppid":1,"uid":0,"cwdRoot":-1,"isPartial":false,"exe":["1","2",0],"cwd":["1","2",0],"holds":["5"],"accepts":1,"by":0}]}';

fuzz(
  "root's helper takes nothing but the question that it knows, and its answer is never guessed at",
  fc.tuple(
    fc.oneof(mutatedText(fc.constant(PROVE_REQUEST), TOKENS), mutatedJson(fc.constant(JSON.parse(PROVE_REQUEST)))),
    fc.oneof(mutatedText(fc.constant(PROVE_ANSWER), TOKENS), mutatedJson(fc.constant(JSON.parse(PROVE_ANSWER)))),
  ),
  ([question, answer]) => {
    for (const pid of parseProveRequest(question)?.pids ?? [])
      assert.ok(Number.isInteger(pid) && pid > 0 && pid <= 4_194_304);
    for (const look of parseProveAnswer(answer) ?? []) assert.ok(["gone", "denied", "seen"].includes(look.outcome));
  },
);

fuzz(
  "what keepers and agents say to each other is checked both ways",
  fc.tuple(mutatedJson(valuesOf(ControlRequest, scalars)), mutatedJson(valuesOf(ControlReply, scalars))),
  (texts) => {
    const [question, answer] = texts.map((text) => JSON.parse(text === "" ? "null" : text) as unknown);
    ControlRequest.safeParse(question);
    ControlReply.safeParse(answer);
  },
);
