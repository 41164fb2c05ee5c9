import assert from "node:assert/strict";
import { test } from "node:test";
import { headProblem } from "../../../../../agent/core/preflight/executable.ts";

function elf(machine: number, { bigEndian = false, length = 64 } = {}): Uint8Array {
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, bigEndian ? 2 : 1]);
  if (bigEndian) head.writeUInt16BE(machine, 18);
  else head.writeUInt16LE(machine, 18);
  return head.subarray(0, length);
}
const script = (text: string) => Buffer.from(text);
const there = (path: string) => ["/bin/sh", "/usr/bin/env", "/usr/bin/python3"].includes(path);
const problem = (head: Uint8Array, arch = "x64") => headProblem(head, arch, there)?.problem;

test("an ELF file of this machine starts, one of another does not", () => {
  assert.equal(problem(elf(62)), undefined);
  assert.equal(problem(elf(183)), "wrong-machine");
  assert.equal(problem(elf(183), "arm64"), undefined);
  assert.equal(problem(elf(22, { bigEndian: true }), "s390x"), undefined);
});

test("an x64 host starts 32-bit programs too", () => {
  assert.equal(problem(elf(3)), undefined);
});

test("garbage, an empty head and a header that is cut off do not start", () => {
  assert.equal(problem(Buffer.from("hello world, this is text")), "bad-format");
  assert.equal(problem(Buffer.alloc(0)), "bad-format");
  assert.equal(problem(elf(62, { length: 12 })), "bad-format");
});

test("a script starts when its interpreter is there", () => {
  assert.equal(problem(script("#!/bin/sh\necho\n")), undefined);
  assert.equal(problem(script("#! /bin/sh -e\n")), undefined);
  assert.equal(problem(script("#!/opt/none\n")), "no-interpreter");
  assert.equal(problem(script("#!sh\n")), "bad-format");
});

test("what env looks for must be there as well", () => {
  assert.equal(problem(script("#!/usr/bin/env python3\n")), undefined);
  assert.equal(problem(script("#!/usr/bin/env -S LANG=C python3 -u\n")), undefined);
  assert.equal(problem(script("#!/usr/bin/env ruby\n")), "no-interpreter");
});

test("a carriage return after the interpreter is told as what it is", () => {
  assert.match(headProblem(script("#!/bin/sh\r\n"), "x64", there)?.detail ?? "", /carriage return/);
});
