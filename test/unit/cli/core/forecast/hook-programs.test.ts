import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestEntry } from "../../../../../agent/wire/release.ts";
import type { Config } from "../../../../../cli/core/config.ts";
import { missingPrograms } from "../../../../../cli/core/forecast/hook-programs.ts";

type Hook = NonNullable<Config["hooks"]["before_keep"]>[number];
const hook = (program: string, more: Partial<Hook> = {}): Hook => ({
  ...{ argv: [program, "up"], on: "hosts", once: false, timeout: 600_000, on_failure: "revert" },
  ...more,
});
const file = (path: string, mode: number): ManifestEntry => ({ type: "file", path, mode, size: 1, sha256: "" });
const BUILD: readonly ManifestEntry[] = [
  ...[file("bin/migrate", 0o755), file("bin/notes", 0o644), { type: "dir", path: "bin", mode: 0o755 } as const],
  { type: "link", path: "tools", target: "../shared/tools" },
];
const missing = (hooks: Config["hooks"]) =>
  missingPrograms({ hooks, shared: { dirs: ["opt"], files: [] } }, BUILD).map(
    ({ program, problem }) => `${program} ${problem}`,
  );

const costly = (hooks: Config["hooks"]) =>
  missingPrograms({ hooks, shared: { dirs: [], files: [] } }, BUILD).map(({ isCostly }) => isCostly);

test("a program of a hook that the build does not have, or not as an executable file, is told", () => {
  const told = ["bin/migrate", "./bin/migrate", "bin/smoke", "bin/notes", "bin/../bin"].flatMap((program) =>
    missing({ before_keep: [hook(program)] }),
  );
  assert.deepEqual(told, [
    "bin/smoke is not in it",
    "bin/notes is not executable (chmod +x)",
    "bin/../bin is a folder",
  ]);
});

test("what only the host knows is not judged: PATH, absolute paths, shared/, links, what lies outside", () => {
  const before_keep = ["curl", "/opt/smoke", "opt/smoke", "tools/smoke", "../smoke"].map((program) => hook(program));
  assert.deepEqual(missing({ before_keep }), []);
});

test("a hook that runs here, or before the release is there, is not looked for in the build", () => {
  assert.deepEqual(missing({ before_stage: [hook("bin/x")], after_keep: [hook("bin/x", { on: "local" })] }), []);
});

test("it is told whether the failure would cost the release", () => {
  const alone = [
    { after_activate: [hook("a/b")] },
    { after_activate: [hook("a/b", { on_failure: "warn" })] },
    { after_keep: [hook("a/b")] },
  ];
  assert.deepEqual(alone.flatMap(costly), [true, false, false]);
});

test("a program that a hook before it on the hosts may make in the release is told, and would cost nothing that is known here", () => {
  const makes = hook("/bin/sh");
  const uses = hook(".venv/bin/python");
  assert.deepEqual(missing({ after_stage: [makes], before_activate: [uses] }), [
    ".venv/bin/python is not in it, unless a hook before it sees to that",
  ]);
  assert.deepEqual(costly({ after_stage: [makes], before_activate: [uses] }), [false]);
  assert.deepEqual(costly({ before_stage: [makes], before_activate: [uses] }), [true], "there is no release yet");
  assert.deepEqual(costly({ after_stage: [{ ...makes, on: "local" }, uses] }), [true], "it runs here");
  assert.deepEqual(costly({ after_stage: [makes, { ...uses, once: true }] }), [true], "what runs once comes first");
  assert.deepEqual(costly({ after_stage: [uses], before_activate: [makes] }), [true], "it comes after");
});
