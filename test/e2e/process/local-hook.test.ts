/** Hooks that run where zdr does, and what an interrupt or the end of their time does to them. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type HookedConfig, type HookedFleet, hooksOf } from "../../../cli/commands/parts/hooks.ts";
import { runLocalHook } from "../../../cli/io/local-hook.ts";
import type { FleetHost } from "../../../cli/io/session/fleet.ts";
import type { Interrupt, Run } from "../../../cli/run.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zdr-local-hook-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const has = (name: string) => existsSync(join(folder, name));
const NO_TIME_LIMIT_MS = 60_000;

describe("a hook that runs here and is interrupted", () => {
  const interrupted = (shell: string) => {
    const argv = ["/bin/sh", "-c", shell];
    const isInterrupted = () => has("begun");
    return runLocalHook({ argv, folder, timeoutMs: NO_TIME_LIMIT_MS, env: {}, isInterrupted });
  };
  const PATIENT = "trap 'sleep 0.3; : >saved; exit 0' TERM; : >begun; while :; do sleep 0.05; done";

  test("may put down what it has in its hands", async () => {
    assert.equal(await interrupted(PATIENT), "it was interrupted");
    assert.ok(has("saved"));
  });

  test("is waited for with all that it has started", async () => {
    assert.equal(await interrupted(`(${PATIENT}) & wait`), "it was interrupted");
    assert.ok(has("saved"));
  });

  test("is killed where it does not care", async () => {
    assert.equal(await interrupted("trap '' TERM; : >begun; while :; do sleep 0.05; done"), "it was interrupted");
  });

  test("as is one whose time is over", async () => {
    const hook = { argv: ["/bin/sh", "-c", PATIENT], folder, env: {}, isInterrupted: () => false };
    assert.equal(await runLocalHook({ ...hook, timeoutMs: 1_000 }), "it did not end within 1 s");
    assert.ok(has("saved"));
  });
});

describe("the hooks that run here, of a command that was interrupted", () => {
  const HOST = { name: "web1", unchanged: undefined, failure: undefined };
  const setUp = (shell: string, interrupt: Pick<Interrupt, "signal" | "isLeaving">) => {
    const hook = { on: "local", once: false, timeout: NO_TIME_LIMIT_MS, on_failure: "revert" } as const;
    const list = [{ ...hook, argv: ["/bin/sh", "-c", shell] }];
    const told: string[] = [];
    const output = { report: ({ text = "" }: { readonly text?: string }) => told.push(text) };
    const run = { output, interrupt, actor: { user: "ann", host: "laptop" } } as unknown as Run;
    const hosts = [{ ...HOST }] as unknown as FleetHost[];
    const config = { notify: [], folder, project: "shop", deploy_to: "/data" };
    const hooks: HookedConfig["hooks"] = { before_activate: list, after_keep: list };
    const fleet = { hosts } as unknown as HookedFleet;
    return { told, hosts, hooks: hooksOf(run, fleet, { ...config, hooks }, { tag: "v2", why: "deploy" }) };
  };

  test("begin no more ahead of the flip", async () => {
    const { hooks, hosts } = setUp(": >begun", { signal: "SIGINT", isLeaving: false });
    assert.equal(await hooks.before("before_activate"), false);
    assert.deepEqual(hosts[0]?.failure?.failure, { kind: "interrupted", signal: "SIGINT" });
    assert.ok(!has("begun"));
  });

  test("run to their end when all has been decided", async () => {
    const { hooks, told } = setUp("sleep 1; : >done", { signal: "SIGINT", isLeaving: false });
    await hooks.after("after_keep");
    assert.ok(has("done"), told.join("\n"));
  });

  test("end then at a signal that comes after they began", async () => {
    const interrupt = {
      signal: "SIGINT" as const,
      get isLeaving() {
        return has("begun");
      },
    };
    const { hooks, told } = setUp(": >begun; while :; do sleep 0.05; done", interrupt);
    await hooks.after("after_keep");
    assert.match(told.join("\n"), /after_keep.*it was interrupted/);
  });
});
