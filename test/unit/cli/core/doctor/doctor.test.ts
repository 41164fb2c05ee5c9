import assert from "node:assert/strict";
import { test } from "node:test";
import { describeDoctor, isIll } from "../../../../../cli/core/doctor/describe.ts";
import { clockCheck, noiseCheck, sessionsCheck } from "../../../../../cli/core/doctor/host.ts";

const ok = { about: "node", level: "ok", text: "Node 18.20.4" } as const;
const doubtful = { about: "disk", level: "warn", text: "2 GB of 99 GB free", fix: "make room" } as const;
const bad = { about: "supervisor", level: "refuse", text: "not running", fix: "start it" } as const;

test("each finding stands with what mends it, and the last line says how many there are", () => {
  assert.equal(
    describeDoctor([
      { where: "here", checks: [ok] },
      { where: "web1", checks: [doubtful, bad] },
    ]),
    "here:\n" +
      "  ok    node        Node 18.20.4\n" +
      "web1:\n" +
      "  warn  disk        2 GB of 99 GB free\n" +
      "                  fix: make room\n" +
      "  FAIL  supervisor  not running\n" +
      "                  fix: start it\n" +
      "a deploy would not get through: 1 thing to mend, 1 warning\n",
  );
});

test("warnings alone keep nobody from deploying", () => {
  const examined = [{ where: "web1", checks: [ok, doubtful] }];
  assert.equal(isIll(examined), false);
  assert.match(describeDoctor(examined), /a deploy would get through; 1 warning\n$/);
  assert.match(describeDoctor([{ where: "web1", checks: [ok] }]), /all is well\n$/);
});

test("what a host says is shown and not obeyed", () => {
  assert.doesNotMatch(describeDoctor([{ where: "web1", checks: [{ ...ok, text: "\x1b[2J" }] }]), /\x1b/);
});

test("a clock that is more than five seconds off is told, with the direction", () => {
  assert.equal(clockCheck(4_000).level, "ok");
  assert.match(clockCheck(90_000).text, /1 min 30 s ahead of/);
  assert.match(clockCheck(-6_000).text, /6 s behind/);
});

test("what a login shell prints is quoted", () => {
  assert.equal(noiseCheck("\n").level, "ok");
  assert.match(noiseCheck("Welcome to web1!\nhave fun\n").text, /print "Welcome to web1!" and 1 more lines/);
});

test("one session to a connection is enough", () => {
  assert.equal(sessionsCheck(false).level, "ok");
});
