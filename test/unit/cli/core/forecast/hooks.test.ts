import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../../../../cli/core/config.ts";
import { hookLines, plannedHooks } from "../../../../../cli/core/forecast/hooks.ts";

type Hook = NonNullable<Config["hooks"]["before_keep"]>[number];
const hook = (command: string, more: Partial<Hook> = {}): Hook => ({
  ...{ argv: command.split(" "), on: "hosts", once: false, timeout: 600_000, on_failure: "revert" },
  ...more,
});
const told = (hooks: Config["hooks"], hosts: readonly string[]) => hookLines(plannedHooks(hooks, hosts), hosts);

test("hooks stand in the order in which they run: by event, what runs here, what runs once, what runs on each host", () => {
  const hooks = {
    after_keep: [hook("d")],
    before_activate: [hook("c"), hook("b", { once: true }), hook("a", { on: "local" })],
  };
  const lines = told(hooks, ["web1", "web2"]).map((line) => line.replace(/ \(.*/, ""));
  const wanted = ["before_activate, here: a", "before_activate, web1: b", "before_activate, each host: c"];
  assert.deepEqual(lines, ["hooks:", ...[...wanted, "after_keep, each host: d"].map((line) => `  ${line}`)]);
});

test("of what runs when all was decided each host's own come first, then what runs here, then what runs once", () => {
  const all = [hook("once", { once: true }), hook("here", { on: "local" }), hook("each")];
  const lines = told({ after_keep: all, after_revert: all }, ["web1", "web2"]).map((line) => line.replace(/ \(.*/, ""));
  const wanted = (when: string) => [`${when}, each host: each`, `${when}, here: here`, `${when}, web1: once`];
  assert.deepEqual(
    lines.slice(1),
    [...wanted("after_keep"), ...wanted("after_revert")].map((line) => `  ${line}`),
  );
});

test("each says what its failure costs", () => {
  const warn = { on_failure: "warn" } as const;
  const hooks = {
    before_stage: [hook("a")],
    after_activate: [hook("b")],
    before_keep: [hook("c", warn)],
    after_keep: [hook("d")],
  };
  const costs = plannedHooks(hooks, ["web1"]).map(({ ifItFails }) => ifItFails);
  assert.deepEqual(costs, ["stops the deploy", "reverts", "a warning", "a warning"]);
});

test("those of a revert are told to be for that alone", () => {
  assert.match(told({ before_revert: [hook("a")] }, ["web1"]).join(), /a warning, only where it goes back/);
});

test("a line for a shell is told as it was written", () => {
  const hooks = { before_stage: [hook("", { argv: ["/bin/sh", "-c", "a | b"] })] };
  assert.match(told(hooks, ["web1"])[1] ?? "", /before_stage, web1: a \| b \(10 min at most/);
});

test("where nothing is to be done no hook runs", () => {
  assert.deepEqual(told({ before_stage: [hook("a")] }, []), []);
});
