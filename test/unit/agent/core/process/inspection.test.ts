import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeLook,
  isWorthProving,
  type Look,
  type ProcessFacts,
} from "../../../../../agent/core/process/inspection.ts";

const FACTS: ProcessFacts = {
  ...{ pid: 7, startTicks: 100, ppid: 1, uid: 33, cwdRoot: -1, holds: [5n], accepts: "yes", by: "epoll" },
  exe: { dev: 1n, ino: 2n ** 60n + 1n, isDeleted: false },
  cwd: { dev: 1n, ino: 3n, isDeleted: false },
  isPartial: false,
};
const seen = (facts: Partial<ProcessFacts>): Look => ({ outcome: "seen", facts: { ...FACTS, ...facts } });

test("the release of the executable is told by device and inode, beyond the integers of a double", () => {
  const wants = [
    { tag: "v1", binary: { dev: 1n, ino: 2n ** 60n } },
    { tag: "v2", binary: { dev: 2n, ino: 2n ** 60n + 1n } },
    { tag: "v3", binary: { dev: 1n, ino: 2n ** 60n + 1n } },
  ];
  assert.equal(describeLook(seen({}), wants)?.exeRelease, "v3");
  assert.equal(describeLook(seen({}), [])?.exeRelease, undefined);
});

test("the release of the cwd is counted among the releases that have a folder", () => {
  const root = { dev: 1n, ino: 9n };
  const wants = [{ tag: "gone" }, { tag: "v1", root }, { tag: "v2", root: { dev: 1n, ino: 10n } }];
  assert.equal(describeLook(seen({ cwdRoot: 1 }), wants)?.cwdRelease, "v2");
  assert.equal(describeLook(seen({ cwdRoot: -1 }), wants)?.cwdRelease, undefined);
});

test("a process that is gone is not reported", () => {
  assert.equal(describeLook({ outcome: "gone", pid: 7 }, []), undefined);
});

test("a process that could not be looked into is reported as denied, and as accepting nothing", () => {
  const found = describeLook({ outcome: "denied", pid: 7, startTicks: 100, uid: 33 }, []);
  assert.deepEqual(found, { pid: 7, startTicks: 100, uid: 33, denied: true, accepts: false, holds: [] });
});

test("where it can not be told whether a process accepts, it proves nothing either way", () => {
  assert.equal(describeLook(seen({ accepts: "unknown" }), [])?.denied, true);
  assert.equal(describeLook(seen({ accepts: "no" }), [])?.denied, false);
});

test("root is asked about what was denied, and about threads that were hidden, and about nothing else", () => {
  assert.equal(isWorthProving({ outcome: "denied", pid: 7, startTicks: 100, uid: 33 }), true);
  assert.equal(isWorthProving(seen({ isPartial: true, accepts: "unknown" })), true);
  assert.equal(isWorthProving(seen({ isPartial: true, accepts: "yes" })), false);
  assert.equal(isWorthProving(seen({ accepts: "unknown" })), false);
  assert.equal(isWorthProving({ outcome: "gone", pid: 7 }), false);
});
