import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Look } from "../../../../../agent/core/process/inspection.ts";
import { parseProveAnswer } from "../../../../../agent/core/process/prove-answer.ts";
import {
  ACCEPTS,
  ACCEPTS_BY,
  formatProveAnswer,
  formatProveRequest,
  PROVE_LINE_LIMIT,
  PROVE_PID_LIMIT,
  parseProveRequest,
} from "../../../../../agent/core/process/prove-text.ts";

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const pid = fc.integer({ min: 1, max: 4_194_304 });

describe("the question", () => {
  test("arrives as it was asked, with inodes of 64 bits", () => {
    const identity = fc.record({ dev: u64, ino: u64 }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(pid), fc.array(identity), (pids, roots) => {
        assert.deepEqual(parseProveRequest(formatProveRequest({ pids, roots })), { pids, roots });
      }),
    );
  });

  test("anything else is refused", () => {
    const bad = [
      ...["", "{", "null", "[]", "7", '"x"', "{}"],
      '{"v":2,"pids":[1],"roots":[]}',
      '{"v":1,"pids":[1]}',
      '{"v":1,"pids":["1"],"roots":[]}',
      '{"v":1,"pids":[0],"roots":[]}',
      '{"v":1,"pids":[-1],"roots":[]}',
      '{"v":1,"pids":[1.5],"roots":[]}',
      '{"v":1,"pids":[4194305],"roots":[]}',
      '{"v":1,"pids":{"length":1},"roots":[]}',
      '{"v":1,"pids":[1],"roots":[["1"]]}',
      '{"v":1,"pids":[1],"roots":[["1","0x2"]]}',
      '{"v":1,"pids":[1],"roots":[[1,2]]}',
      '{"v":1,"pids":[1],"roots":[["1","/etc/passwd"]]}',
      formatProveRequest({ pids: Array(PROVE_PID_LIMIT + 1).fill(1), roots: [] }),
      `{"v":1,"pids":[1],"roots":[]${" ".repeat(PROVE_LINE_LIMIT)}}`,
    ];
    for (const line of bad) assert.equal(parseProveRequest(line), undefined, line.slice(0, 80));
  });

  test("no text at all makes the reader fail", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        parseProveRequest(line);
      }),
    );
  });
});

describe("the answer", () => {
  const openFile = fc.record({ dev: u64, ino: u64, isDeleted: fc.boolean() }, { noNullPrototype: true });
  const facts = fc.record(
    {
      ...{ pid, startTicks: fc.nat(), ppid: fc.nat(), uid: fc.nat(), exe: openFile, cwd: openFile },
      ...{ cwdRoot: fc.integer({ min: -1, max: 500 }), holds: fc.array(u64), isPartial: fc.boolean() },
      ...{ accepts: fc.constantFrom(...ACCEPTS), by: fc.constantFrom(...ACCEPTS_BY) },
    },
    {
      noNullPrototype: true,
      requiredKeys: ["pid", "startTicks", "ppid", "uid", "exe", "cwd", "cwdRoot", "holds", "isPartial", "accepts"],
    },
  );
  const look: fc.Arbitrary<Look> = fc.oneof(
    pid.map((gone): Look => ({ outcome: "gone", pid: gone })),
    pid.map((denied): Look => ({ outcome: "denied", pid: denied, startTicks: 5, uid: 33 })),
    facts.map((found): Look => ({ outcome: "seen", facts: found })),
  );

  test("arrives as it was given", () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 20 }), (looks) => {
        assert.deepEqual(parseProveAnswer(formatProveAnswer(looks)), looks);
      }),
    );
  });

  test("holds nothing but numbers, yes and no", () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 20 }), (looks) => {
        const values: unknown[] = [];
        JSON.parse(formatProveAnswer(looks), (_, value) => {
          if (typeof value !== "object") values.push(value);
          return value;
        });
        for (const value of values) assert.match(String(value), /^(-?\d+|true|false)$/);
      }),
    );
  });

  test("a refusal, another version and garbage are no answer", () => {
    for (const line of [formatProveAnswer(undefined), '{"v":2,"looks":[]}', "sudo: a password is required", ""]) {
      assert.equal(parseProveAnswer(line), undefined, line);
    }
  });
});
