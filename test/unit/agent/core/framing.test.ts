import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameSplitter, type Piece } from "../../../../agent/core/framing.ts";

const announced = (line: string) => (line.startsWith("data ") ? Number(line.slice(5)) : 0);
const splitter = (limit = 1000) => new FrameSplitter(limit, announced);

/** What came out, with neighbouring data pieces joined. */
function outcome(pieces: readonly Piece[]): string[] {
  const out: string[] = [];
  for (const piece of pieces) {
    if (piece.kind === "data") {
      const text = Buffer.from(piece.bytes).toString("latin1");
      const last = out.at(-1);
      if (last?.startsWith("D:")) out[out.length - 1] = last + text;
      else out.push(`D:${text}`);
    } else out.push(piece.kind === "line" ? `L:${piece.line}` : "too long");
  }
  return out;
}

test("however the bytes are cut, the same lines and data come out", () => {
  const data = "raw\nbytes\n{}\x00\xff";
  const stream = Buffer.concat([
    Buffer.from(`first é line\ndata ${data.length}\n`),
    Buffer.from(data, "latin1"),
    Buffer.from("data 0\n\nlast\n"),
  ]);
  const cuts = fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (at) => {
      const one = splitter();
      const edges = [0, ...at.sort((a, b) => a - b), stream.length];
      const pieces = edges.slice(1).flatMap((end, index) => one.push(stream.subarray(edges[index], end)));
      assert.deepEqual(outcome(pieces), [
        "L:first é line",
        `L:data ${data.length}`,
        `D:${data}`,
        "L:data 0",
        "L:",
        "L:last",
      ]);
    }),
  );
});

test("a line beyond the limit ends the stream, also when it never ends", () => {
  const one = splitter(10);
  assert.deepEqual(outcome(one.push(Buffer.from("short\n12345678"))), ["L:short"]);
  assert.deepEqual(outcome(one.push(Buffer.from("9012345"))), ["too long"]);
  assert.deepEqual(one.push(Buffer.from("more\n")), []);
});
