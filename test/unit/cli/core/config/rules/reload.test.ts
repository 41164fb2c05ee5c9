import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PRESETS } from "../../../../../../agent/core/presets.ts";
import { PRESET_NAMES } from "../../../../../../agent/protocol.ts";
import { checkReload, PRESET_DEFAULTS } from "../../../../../../cli/core/config/rules/reload.ts";

describe("reload", () => {
  test("a preset is its parts", () => {
    assert.deepEqual(checkReload("overseer"), {
      ok: { preset: "overseer", strategy: "slot", signal: "USR2", drainMs: 30_000 },
    });
    assert.deepEqual(checkReload("gunicorn"), {
      ok: { preset: "gunicorn", strategy: "signal", signal: "HUP", drainMs: 30_000 },
    });
    assert.deepEqual(checkReload("restart"), { ok: { preset: "restart", strategy: "restart", drainMs: 10_000 } });
  });

  test("the CLI and the agent mean the same by a preset", () => {
    for (const name of PRESET_NAMES) {
      const { strategy, signal, drainMs } = PRESETS[name];
      assert.deepEqual(PRESET_DEFAULTS[name], { preset: name, strategy, ...(signal && { signal }), drainMs });
    }
  });

  test("parts of a preset can be another", () => {
    assert.deepEqual(checkReload({ preset: "gunicorn", drain: 60_000 }), {
      ok: { preset: "gunicorn", strategy: "signal", signal: "HUP", drainMs: 60_000 },
    });
    assert.deepEqual(checkReload({ preset: "overseer", signal: "USR1", drain: 0 }), {
      ok: { preset: "overseer", strategy: "slot", signal: "USR1", drainMs: 0 },
    });
  });

  test("without a preset, a strategy says what is done and by which signal", () => {
    assert.deepEqual(checkReload({ strategy: "signal", signal: "HUP" }), {
      ok: { strategy: "signal", signal: "HUP", drainMs: 30_000 },
    });
    assert.deepEqual(checkReload({ strategy: "restart" }), { ok: { strategy: "restart", drainMs: 10_000 } });
  });

  test("parts that do not belong together are refused", () => {
    for (const [parts, at, problem] of [
      [{}, undefined, "names neither a preset nor a strategy"],
      [{ drain: 1 }, undefined, "names neither a preset nor a strategy"],
      [{ preset: "restart", strategy: "restart" }, ["strategy"], "has both, but a preset has its strategy already"],
      [{ strategy: "slot" }, ["signal"], "is missing: strategy slot reloads by one"],
      [{ strategy: "restart", signal: "HUP" }, ["signal"], "is sent by no restart, which stops and starts the program"],
      [{ preset: "restart", signal: "HUP" }, ["signal"], "is sent by no restart, which stops and starts the program"],
    ] as const) {
      const checked = checkReload(parts);
      assert.ok("problem" in checked);
      assert.deepEqual([checked.at, checked.problem], [at, problem]);
    }
  });

  test("a strategy for a preset's name is told from a slip", () => {
    assert.deepEqual(checkReload("slot"), {
      problem: "names a strategy, not a preset",
      suggestion: "write { strategy: slot, signal: … }",
    });
    assert.deepEqual(checkReload("gunicrn"), {
      problem: "is none of overseer, gunicorn, restart",
      suggestion: 'did you mean "gunicorn"?',
    });
  });
});
