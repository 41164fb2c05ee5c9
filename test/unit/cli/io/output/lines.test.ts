import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { type OutputOptions, openOutput } from "../../../../../cli/io/output.ts";

const LINE = "web1: \x1b]0;title\x07x\r::stop-commands::t";
const WRITTEN_OUT = "web1: \\x1b]0;title\\x07x\\r::stop-commands::t\n";

function told(mode: OutputOptions["mode"], terminals: readonly ("stdout" | "stderr")[]) {
  const streamOf = (name: "stdout" | "stderr") =>
    Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: terminals.includes(name) });
  const [stdout, stderr] = [streamOf("stdout"), streamOf("stderr")];
  const output = openOutput({ mode, stdout, stderr, color: false, quiet: true });
  output.line(LINE, "output", {});
  output.line(LINE, "output", {}, true);
  output.result("x\r::stop-commands::t\n", {});
  return { stdout: String(stdout.read()), stderr: String(stderr.read()) };
}

describe("a line of a host", () => {
  test("is written out on a terminal, and only there: one stream may be one while the other is a file", () => {
    assert.equal(told("plain", ["stderr"]).stderr, WRITTEN_OUT);
    assert.ok(told("plain", ["stderr"]).stdout.startsWith(`${LINE}\n`));
    assert.equal(told("plain", ["stdout"]).stderr, `${LINE}\n`);
    assert.ok(told("plain", ["stdout"]).stdout.startsWith(WRITTEN_OUT));
  });

  test("is no command on GitHub, neither is a result that other programs read", () => {
    const { stdout, stderr } = told("github", []);
    const shown = `${LINE.replace("::", ": :")}\n`;
    assert.equal(stderr, shown);
    assert.equal(stdout, `${shown}x\r: :stop-commands::t\n`);
  });

  test("keeps its bytes on GitLab, where the log is no terminal", () => {
    assert.equal(told("gitlab", []).stderr, `${LINE}\n`);
  });
});

test("a terminal is shown the tabs of a log", () => {
  const stdout = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true });
  const output = openOutput({ mode: "plain", stdout, stderr: new PassThrough(), color: false });
  output.line("web1: shop: \tmain.go:8 \x1b[2J", "output", {});
  assert.equal(String(stdout.read()), "web1: shop: \tmain.go:8 \\x1b[2J\n");
});
