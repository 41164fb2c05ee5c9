import assert from "node:assert/strict";
import { test } from "node:test";
import { displayWidth, renderTable } from "../../../../../cli/core/report/table.ts";

test("columns are as wide as their widest cell, numbers stand to the right, and no line ends in spaces", () => {
  const columns = [{ title: "host" }, { title: "sent", align: "right" as const }, { title: "proof" }];
  assert.equal(
    renderTable(columns, [
      ["web-1", "1200", "processes"],
      ["a", "7", ""],
    ]),
    "host   sent  proof\nweb-1  1200  processes\na         7\n",
  );
});

test("a column without a single entry is left out", () => {
  assert.equal(renderTable([{ title: "a" }, { title: "b" }, { title: "c" }], [["1", "", "3"]]), "a  c\n1  3\n");
});

test("a table without rows is no text at all", () => {
  assert.equal(renderTable([{ title: "a" }], []), "");
});

test("wide and combining characters do not push the columns after them", () => {
  assert.equal(displayWidth("日本"), 4);
  assert.equal(displayWidth("e\u0301🚀"), 3);
  const lines = renderTable(
    [{ title: "x" }, { title: "y" }],
    [
      ["日本", "1"],
      ["abcd", "2"],
    ],
  ).split("\n");
  assert.deepEqual(lines, ["x     y", "日本  1", "abcd  2", ""]);
});

test("a cell from a host cannot break the table", () => {
  assert.equal(renderTable([{ title: "t" }], [["v1\n\x1b[2J"]]), "t\nv1\\n\\x1b[2J\n");
});
