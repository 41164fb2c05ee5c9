/** Commands that the kernel refuses to begin, and hooks of a deploy that nobody waits for any more. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { layoutOf } from "../../../agent/core/layout.ts";
import { runHooks } from "../../../agent/hooks/hooks.ts";
import { Command } from "../../../agent/io/command.ts";
import { runCheck } from "../../../agent/io/run-check.ts";
import type { HookEvent } from "../../../agent/wire/plan.ts";
import { runLocalHook } from "../../../cli/io/local-hook.ts";
import { failureOf } from "../../support/fixtures/failures.ts";
import { hostContext } from "../../support/fixtures/host-context.ts";
import { projectPlan } from "../../support/fixtures/plans.ts";
import { runOk } from "../../support/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "zdr-begun-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Below a file: an error that Node throws out of spawn(). */
const IMPOSSIBLE = ["/etc/passwd/migrate"];

describe("a command that can not be begun", () => {
  test("is told in words: as a hook or a check on a host", async () => {
    assert.match((await runCheck(IMPOSSIBLE, folder, {}, undefined)) ?? "", /ENOTDIR/);
  });

  test("is told in words: as a hook that runs here", async () => {
    const hook = { argv: IMPOSSIBLE, folder, timeoutMs: 5_000, env: {}, isInterrupted: () => false };
    assert.match((await runLocalHook(hook)) ?? "", /ENOTDIR/);
  });

  test("is told in words: as an operator's own", async () => {
    const command = new Command(IMPOSSIBLE, { cwd: folder, env: process.env });
    assert.equal(command.pid, 0);
    const { chunks, ended } = await command.take(5_000, new AbortController().signal);
    assert.deepEqual([chunks, ended?.code], [[], null]);
    assert.match(ended?.problem ?? "", /ENOTDIR/);
  });

  test("is told in words where no descriptor is left for its pipes", async () => {
    const script = `
      const { openSync } = await import("node:fs");
      const { runCheck } = await import(${JSON.stringify(join(import.meta.dirname, "../../../agent/io/run-check.ts"))});
      try { for (;;) openSync("/dev/null"); } catch {}
      const trouble = await runCheck(["/bin/true"], "/", {}, undefined);
      process.exit(/too many open files/.test(trouble) ? 0 : 1);
    `;
    await runOk([
      "/bin/sh",
      "-c",
      'ulimit -n 64; exec "$@"',
      "sh",
      process.execPath,
      "--input-type=module",
      "-e",
      script,
    ]);
  });
});

describe("a command that runs as another user, which nobody but root may end", () => {
  /** Runs `begin`, which is given runCheck and such a command, as a user who may become another one and may not end others. */
  const asNobody = (begin: string) =>
    runOk([
      "setpriv",
      ...["--reuid=65534", "--clear-groups", "--inh-caps=+setuid", "--ambient-caps=+setuid", "--"],
      ...[process.execPath, "--input-type=module", "-e"],
      `
        const { runCheck } = await import(${JSON.stringify(join(import.meta.dirname, "../../../agent/io/run-check.ts"))});
        const words = ["setpriv", "--reuid=65533", "--", "sleep", "30"];
        ${begin}
        process.stdout.write(String(trouble), () => process.exit());
      `,
    ]);
  const TOLD = /^it runs as another user, and could not be ended/;

  test("is not waited for when its time is over", async () => {
    assert.match(
      await asNobody('const trouble = await runCheck(words, "/", {}, undefined, { timeoutMs: 1_000 });'),
      TOLD,
    );
  });

  test("is not waited for when it is interrupted", async () => {
    const interrupted = "AbortSignal.timeout(200)";
    const limits = `{ timeoutMs: 25_000, interrupted: ${interrupted} }`;
    assert.match(await asNobody(`const trouble = await runCheck(words, "/", {}, undefined, ${limits});`), TOLD);
  });
});

/**
 * Runs until it is killed, and is then there all the same, as one that waits in the kernel is: of a process that is traced, its parent
 * hears nothing until the tracer has (ptrace(2)), and this one listens to nobody.
 */
const HELD = `
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None)
libc.prctl(0x59616d61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)  # PR_SET_PTRACER, anybody
seen, done = os.pipe()
hook = os.getpid()
if os.fork() == 0:
    os.setsid()
    open(sys.argv[1], "w").write(str(os.getpid()))
    os.write(done, bytes([libc.ptrace(0x4206, hook, None, None) & 1]))  # PTRACE_SEIZE
    time.sleep(60)
    os._exit(0)
print("migrating" if os.read(seen, 1) == bytes(1) else "not traced", flush=True)
signal.pause()
`;

test("a hook that not even SIGKILL ends is waited for no longer than that takes, and told with its pid", async (t) => {
  const tracer = join(folder, "tracer");
  t.after(() => {
    const pid = existsSync(tracer) ? Number(readFileSync(tracer, "utf8")) : 0;
    if (pid > 0) process.kill(pid, "SIGKILL");
  });
  const trouble = await runCheck(["python3", "-c", HELD, tracer], folder, {}, undefined, { timeoutMs: 6_000 });
  assert.match(trouble ?? "", /^it did not end within 6 s, nor of SIGKILL: pid \d+ .*: migrating$/);
});

describe("the hooks of a host, once its session is lost or interrupted", () => {
  const run = async (when: HookEvent) => {
    const mark = join(folder, when);
    const hook = (text: string) => ({
      ...{ when, argv: ["/bin/sh", "-c", text], once: false, timeoutMs: 20_000, onFailure: "revert" as const },
    });
    const project = projectPlan(folder, [], {
      supervisor: { url: "unix:///nowhere.sock" },
      hooks: [hook("true"), hook(`: >${mark}`)],
    });
    const lost = new AbortController();
    // The first is under way when the link goes.
    const context = { ...hostContext(project), layout: layoutOf(folder), emit: () => lost.abort() };
    const facts = { when, tag: "v2", why: "deploy", previous: "v1" } as const;
    const failure = await failureOf(runHooks(context, facts, lost.signal));
    return { failure, hasRun: existsSync(mark) };
  };

  test("one that is under way ahead of the flip is ended where the operator gives up, and not where only the link dies", async () => {
    for (const [reason, isEnded] of [
      ["abort", true],
      ["silence", false],
      ["end of stdin", false],
    ] as const) {
      const mark = join(folder, `under-way-${reason}`);
      const argv = ["/bin/sh", "-c", `trap 'exit 1' TERM; sleep 2 & wait; : >"${mark}"`];
      const hook = { when: "before_activate", argv, once: false, timeoutMs: 20_000, onFailure: "revert" } as const;
      const project = projectPlan(folder, [], { supervisor: { url: "unix:///nowhere.sock" }, hooks: [hook] });
      const gone = new AbortController();
      const emit = () => void setTimeout(() => gone.abort(reason), 300);
      const context = { ...hostContext(project), layout: layoutOf(folder), emit };
      const facts = { when: "before_activate", tag: "v2", why: "deploy", previous: "v1" } as const;
      assert.deepEqual(await failureOf(runHooks(context, facts, gone.signal)), { reason: "interrupted" });
      assert.equal(existsSync(mark), !isEnded, reason);
    }
  });

  for (const when of ["before_stage", "after_stage", "before_activate"] as const) {
    test(`ahead of the flip no further one begins: ${when}`, async () => {
      assert.deepEqual(await run(when), { failure: { reason: "interrupted" }, hasRun: false });
    });
  }
});
