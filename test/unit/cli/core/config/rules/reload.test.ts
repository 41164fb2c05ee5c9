import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PRESETS } from "../../../../../../agent/core/presets.ts";
import { PRESET_NAMES } from "../../../../../../agent/wire/plan.ts";
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
      const { strategy, signal, oldSignal, drainMs } = PRESETS[name];
      const signals = { ...(signal && { signal }), ...(oldSignal && { oldSignal }) };
      assert.deepEqual(PRESET_DEFAULTS[name], { preset: name, strategy, ...signals, drainMs });
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
    assert.deepEqual(checkReload({ strategy: "handover", signal: "USR2", old_signal: "QUIT" }), {
      ok: { strategy: "handover", signal: "USR2", oldSignal: "QUIT", drainMs: 30_000 },
    });
    const url = "http://127.0.0.1:8080/graceful";
    assert.deepEqual(checkReload({ strategy: "http", url, drain: 5_000 }), {
      ok: { strategy: "http", url, drainMs: 5_000 },
    });
    assert.deepEqual(checkReload({ strategy: "socket" }), { ok: { strategy: "socket", drainMs: 30_000 } });
    assert.deepEqual(checkReload({ strategy: "restart" }), { ok: { strategy: "restart", drainMs: 10_000 } });
  });

  test("parts that do not belong together are refused", () => {
    for (const [parts, at, problem] of [
      [{}, undefined, "names neither a preset nor a strategy"],
      [{ drain: 1 }, undefined, "names neither a preset nor a strategy"],
      [{ preset: "restart", strategy: "restart" }, ["strategy"], "has both, but a preset has its strategy already"],
      [{ strategy: "slot" }, ["signal"], "is missing: strategy slot reloads by one"],
      [{ strategy: "watch" }, ["signal"], "is missing: strategy watch reloads by one"],
      [{ strategy: "restart", signal: "HUP" }, ["signal"], "is sent by no restart, which stops and starts the program"],
      [{ strategy: "handover" }, ["signal"], "is missing: strategy handover reloads by one"],
      [
        { preset: "grace", signal: "TERM" },
        ["signal"],
        "is none of HUP, USR1, USR2, QUIT, WINCH, TTIN, TTOU: the others stop the program",
      ],
      [{ preset: "node", signal: "HUP" }, ["signal"], "is sent by no strategy socket"],
      [{ strategy: "http" }, ["url"], "is missing: strategy http reloads by asking it"],
      [{ preset: "grace", url: "http://127.0.0.1/" }, ["url"], "is asked by strategy http only"],
      [{ preset: "node", old_signal: "TERM" }, ["old_signal"], "is sent by strategies handover and http only"],
      [{ preset: "reuseport", old_signal: "HUP" }, ["old_signal"], "is none of TERM, INT, QUIT"],
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
      problem: `is none of ${PRESET_NAMES.join(", ")}`,
      suggestion: 'did you mean "gunicorn"?',
    });
  });
});
