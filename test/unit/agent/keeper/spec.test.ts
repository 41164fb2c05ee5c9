import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type KeptProgram,
  keeperPaths,
  parseSpec,
  SOCKET_PATH_LIMIT_BYTES,
  settingsOf,
  specDifferences,
} from "../../../../agent/keeper/spec.ts";

const SPEC = {
  ...{ v: 1, program: "shop", current: "/srv/current", command: ["/srv/current/shop"], environment: {}, cwd: "/srv" },
  ...{ strategy: "socket", drainMs: 1000, readyMs: 2000, listen: [{ name: "http", host: "::", port: 80 }] },
};

function problemOf(parts: Record<string, unknown>): string | undefined {
  const result = parseSpec(JSON.stringify({ ...SPEC, ...parts }));
  return "problem" in result ? result.problem : undefined;
}

describe("run/<program>.json", () => {
  test("what is left out has a default, and what a newer agent adds is ignored", () => {
    const result = parseSpec(JSON.stringify({ ...SPEC, novelty: true }));
    assert.ok("spec" in result);
    assert.equal("novelty" in result.spec, false);
    assert.deepEqual(settingsOf(result.spec), {
      ...{
        strategy: "socket",
        signal: undefined,
        stopSignal: "TERM",
        oldSignal: undefined,
        drainMs: 1000,
        pastDrain: "end",
        readyMs: 2000,
      },
    });
    const handover = parseSpec(JSON.stringify({ ...SPEC, strategy: "handover", listen: undefined }));
    assert.ok("spec" in handover && handover.spec.listen.length === 0);
  });

  test("what is wrong is named", () => {
    assert.deepEqual(parseSpec("{"), { problem: "it is no JSON" });
    for (const [parts, pattern] of [
      [{ v: 2 }, /^v: /],
      [{ command: [] }, /^command: /],
      [{ command: ["a\0b"] }, /^command\.0: /],
      [{ cwd: "relative" }, /^cwd: /],
      [{ environment: { "A=B": "c" } }, /^environment/],
      [{ drainMs: -1 }, /^drainMs: /],
      [{ listen: [] }, /at least one address/],
      [{ listen: [{ name: "a:b", host: "::", port: 80 }] }, /^listen\.0/],
      [{ listen: [{ name: "a", host: "localhost", port: 80 }] }, /^listen\.0/],
      [{ listen: [...SPEC.listen, ...SPEC.listen] }, /one name/],
    ] as const) {
      assert.match(problemOf(parts) ?? "nothing", pattern);
    }
  });

  test("a signal that would stop the keeper can not ask for a reload", () => {
    for (const signal of ["TERM", "INT", "KILL"]) assert.match(problemOf({ signal }) ?? "nothing", /^signal: /);
    assert.equal(problemOf({ signal: "QUIT", stopSignal: "TERM" }), undefined);
  });

  test("a unix socket's path is limited in bytes, not in characters", () => {
    const listen = (path: string) => ({ listen: [{ name: "app", path }] });
    const longest = `/${"a".repeat(SOCKET_PATH_LIMIT_BYTES - 1)}`;
    assert.equal(problemOf(listen(longest)), undefined);
    assert.match(problemOf(listen(`${longest}a`)) ?? "nothing", /listen\.app: .*107 bytes/);
    assert.match(problemOf(listen(`/${"ä".repeat(54)}`)) ?? "nothing", /107 bytes/);
  });

  test("a program's folder stands beside its spec", () => {
    const { folder, control, state } = keeperPaths("/srv/run/shop.json");
    assert.deepEqual(
      [folder, control, state],
      ["/srv/run/shop", "/srv/run/shop/keeper.sock", "/srv/run/shop/keeper.json"],
    );
  });
});

describe("what a program was started with, beside what it should be", () => {
  const started = SPEC as unknown as KeptProgram;
  const differs = (changes: Partial<KeptProgram>) => specDifferences(started, { ...started, ...changes });

  test("each part that differs is named, and of the environment each variable, but no value", () => {
    assert.deepEqual(differs({}), []);
    assert.deepEqual(differs({ command: ["/srv/current/shop", "-v"] }), ["command"]);
    assert.deepEqual(differs({ strategy: "handover", cwd: "/" }), ["strategy", "cwd"]);
    assert.deepEqual(differs({ environment: { TOKEN: "secret", A: "1" } }), ["environment.A", "environment.TOKEN"]);
    const was = { ...started, environment: { GONE: "1", SAME: "2", OTHER: "3" } };
    const is = { ...started, environment: { SAME: "2", OTHER: "4" } };
    assert.deepEqual(specDifferences(was, is), ["environment.GONE", "environment.OTHER"]);
  });

  test("of an address only its place counts, and of limits and signals nothing: they are read again", () => {
    assert.deepEqual(differs({ listen: [{ name: "web", host: "::", port: 80 }] }), []);
    assert.deepEqual(differs({ listen: [{ name: "http", host: "::", port: 81 }] }), ["listen"]);
    assert.deepEqual(differs({ drainMs: 1, readyMs: 1, signal: "HUP" }), []);
  });
});
