import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layoutOf } from "../../../../agent/core/layout.ts";
import { lintProgram } from "../../../../agent/core/lint.ts";
import { parseSpec } from "../../../../agent/keeper/spec.ts";
import { keptProgram } from "../../../../agent/kept/spec.ts";
import { programPlan } from "../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");
type Preset = Parameters<typeof programPlan>[0];
const spec = (preset: Preset, changes = {}) => keptProgram(programPlan(preset, changes), layout);

describe("what a keeper is told", () => {
  test("the program through current, its environment, and how it reloads", () => {
    assert.deepEqual(spec("grace", { environment: { LOG: "{shared}/log" } }), {
      v: 1,
      program: "shop",
      current: "/data/web/shop/current",
      command: ["/data/web/shop/current/bin/shop", "-addr", ":8080"],
      environment: { ZDR_CURRENT: "/data/web/shop/current", LOG: "/data/web/shop/shared/log" },
      cwd: "/data/web/shop",
      strategy: "handover",
      signal: "USR2",
      drainMs: 60_000,
      pastDrain: "end",
      readyMs: 30_000,
      listen: [],
    });
  });

  test("a bare name is a file of the release and not of PATH, which gracehttp could not start again", () => {
    assert.deepEqual(spec("gracehttp", { command: ["shop", "-v"] }).command, ["/data/web/shop/current/shop", "-v"]);
  });

  test("with SO_REUSEPORT, what ends the old process", () => {
    assert.deepEqual([spec("reuseport").signal, spec("reuseport").oldSignal], ["USR2", "QUIT"]);
    // It may have missed the TERM of its successor, and would go on accepting. grace would die of a second one at once.
    assert.deepEqual([spec("endless").oldSignal, spec("grace").oldSignal], ["TERM", undefined]);
  });

  test("a program that is reloaded by a request is sent no signal, and stands where its slot is", () => {
    const { strategy, signal, cwd } = spec("graceful-url");
    assert.deepEqual([strategy, signal, cwd], ["handover", undefined, "/data/web/shop/run/shop"]);
  });

  test("a program that takes sockets is started in the release, on addresses with names of their own", () => {
    const { strategy, cwd, listen } = spec("systemd-socket", {
      listen: [{ host: "::", port: 80 }, { path: "/run/shop.sock" }],
    });
    assert.deepEqual([strategy, cwd], ["socket", "/data/web/shop/current"]);
    assert.deepEqual(listen, [
      { name: "shop-1", host: "::", port: 80 },
      { name: "shop-2", path: "/run/shop.sock" },
    ]);
    assert.equal(spec("node", { listen: [{ path: "/run/shop.sock" }] }).listen[0]?.name, "shop");
  });

  test("the keeper takes it, whatever the preset", () => {
    for (const preset of ["grace", "endless", "gracehttp", "tableflip", "reuseport", "graceful-url"] as const) {
      assert.ok("spec" in parseSpec(JSON.stringify(spec(preset))), preset);
    }
    for (const preset of ["node", "systemd-socket"] as const) {
      const text = JSON.stringify(spec(preset, { listen: [{ host: "127.0.0.1", port: 8080 }] }));
      assert.ok("spec" in parseSpec(text), preset);
    }
  });

  test("an environment by which a program would believe in a handover is refused before", () => {
    const program = programPlan("grace", { environment: { LISTEN_FDS: "1" } });
    const rules = lintProgram({ program, layout, supervisorIsRoot: true }).map(({ rule }) => rule);
    assert.deepEqual(rules, ["environment-handover"]);
  });
});
