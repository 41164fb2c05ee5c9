import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  judgeGeneration,
  mayStillAccept,
  oldGeneration,
  type ProcessView,
  processKey,
  releaseRun,
  rememberAccepting,
  type Workers,
  workerLifeMs,
  workersLost,
} from "../../../../agent/core/generation.ts";

const view = (pid: number, over: Partial<ProcessView> = {}): ProcessView => ({
  ...{
    pid,
    startTicks: pid * 10,
    supervised: false,
    isChild: over.supervised !== true,
    accepts: false,
    release: undefined,
    releaseBy: undefined,
    holds: true,
    throughCurrent: true,
    denied: false,
  },
  ...over,
});
const serving = (pid: number, release: string) => view(pid, { accepts: true, release, releaseBy: "exe" });
const master = (pid: number, release: string) => view(pid, { supervised: true, release, releaseBy: "exe" });
const keys = (...views: ProcessView[]) => new Set(views.map(processKey));

describe("which release a program's processes run", () => {
  const question = { wanted: "v2", before: new Set<string>(), listens: true, mustBeNew: false };

  test("every process that accepts runs the wanted release: proved, with a sentence for each", () => {
    const answer = judgeGeneration([master(1, "v1"), serving(2, "v2"), serving(3, "v2")], question);
    assert.deepEqual(answer, { kind: "proved", evidence: ["pid 2 executes v2", "pid 3 executes v2"] });
  });

  test("what only its keeper could look into says whose word it is", () => {
    const answer = judgeGeneration([{ ...serving(2, "v2"), witnessed: true }], question);
    assert.deepEqual(answer, { kind: "proved", evidence: ["pid 2 executes v2, says its keeper"] });
  });

  test("one process of the old release that still accepts is enough to say no", () => {
    assert.deepEqual(judgeGeneration([serving(2, "v2"), serving(3, "v1")], question), {
      kind: "wrong",
      pid: 3,
      runs: "v1",
    });
  });

  test("a listening program of which nothing accepts is not ready yet", () => {
    assert.equal(judgeGeneration([master(1, "v2")], question).kind, "not-yet");
  });

  test("a program that listens nowhere is judged by the supervised process", () => {
    const silent = { ...question, listens: false };
    assert.equal(judgeGeneration([master(1, "v2"), view(2)], silent).kind, "proved");
    assert.equal(judgeGeneration([master(1, "v1")], silent).kind, "wrong");
  });

  test("an interpreter outside any release runs what current named when it was started after the flip", () => {
    const node = view(5, { accepts: true });
    assert.equal(judgeGeneration([node], question).kind, "proved");
    assert.equal(judgeGeneration([node], { ...question, before: keys(node) }).kind, "wrong");
  });

  test("an interpreter that was not started through current may run anything, and proves nothing", () => {
    const elsewhere = view(5, { accepts: true, throughCurrent: false });
    assert.deepEqual(judgeGeneration([elsewhere], question), { kind: "hidden", pids: [5] });
  });

  test("what could not be looked into proves nothing", () => {
    const hidden = view(7, { denied: true });
    assert.deepEqual(judgeGeneration([hidden], question), { kind: "hidden", pids: [7] });
  });

  test("of hidden processes a reload must at least have made a new one", () => {
    const old = view(7, { denied: true });
    assert.equal(judgeGeneration([old], { ...question, before: keys(old) }).kind, "not-yet");
    const answer = judgeGeneration([old, view(8, { denied: true })], { ...question, before: keys(old) });
    assert.equal(answer.kind, "hidden");
  });

  test("a pid that came to name another process is another process", () => {
    const before = keys(view(9, { startTicks: 1 }));
    const reused = view(9, { startTicks: 2, accepts: true });
    assert.equal(judgeGeneration([reused], { ...question, before }).kind, "proved");
  });

  test("a reload on the same release is over when none of the old processes accepts any more", () => {
    const [old, fresh] = [serving(2, "v2"), serving(3, "v2")];
    const again = { ...question, before: keys(old), mustBeNew: true };
    assert.equal(judgeGeneration([old], again).kind, "not-yet");
    assert.equal(judgeGeneration([old, fresh], again).kind, "not-yet");
    assert.equal(judgeGeneration([fresh], again).kind, "proved");
  });

  test("a program that executes itself anew keeps its pid, so its pid says nothing of a reload", () => {
    const itself = { ...serving(1, "v2"), supervised: true };
    assert.equal(judgeGeneration([itself], { ...question, before: keys(itself), mustBeNew: true }).kind, "proved");
  });

  test("nothing running is not ready", () => {
    assert.equal(judgeGeneration([], { ...question, listens: false }).kind, "not-yet");
  });
});

test("the old generation is what accepted; its master stays", () => {
  assert.deepEqual(
    oldGeneration([master(1, "v1"), serving(2, "v1")], "none").map(({ pid }) => pid),
    [2],
  );
});

test("a worker that is busy with a request just then is of the old generation, too; a helper is not, nor what hangs of another release", () => {
  const busy = { holds: true, release: "v1", releaseBy: "cwd" } as const;
  const others = [view(4, { ...busy, holds: false }), view(5, { ...busy, release: "hung" })];
  const processes = [master(1, "v1"), serving(2, "v1"), view(3, busy), ...others];
  assert.deepEqual(
    oldGeneration(processes, "children").map(({ pid }) => pid),
    [2, 3],
  );
  assert.deepEqual(
    oldGeneration(processes, "none").map(({ pid }) => pid),
    [2],
  );
});

test("what a worker has forked is not waited for, unless workers may be forked by workers", () => {
  const forked = view(3, { holds: true, isChild: false, release: "v1", releaseBy: "cwd" });
  const processes = [master(1, "v1"), serving(2, "v1"), forked];
  const old = (workers: Workers) => oldGeneration(processes, workers).map(({ pid }) => pid);
  assert.deepEqual([old("children"), old("descendants")], [[2], [2, 3]]);
});

test("where nothing can be seen, the supervised process is not waited for: it stays through every reload", () => {
  const hidden = [view(1, { supervised: true, denied: true }), view(2, { denied: true })];
  assert.deepEqual(
    oldGeneration(hidden, "children").map(({ pid }) => pid),
    [2],
  );
});

test("a program whose processes differ runs no one release", () => {
  assert.equal(releaseRun([serving(2, "v1"), serving(3, "v1")]), "v1");
  assert.equal(releaseRun([serving(2, "v1"), serving(3, "v2")]), undefined);
  assert.equal(releaseRun([]), undefined);
});

test("a new worker that was seen to accept counts while it is busy, and one of before does not", () => {
  const [old, young] = [serving(2, "v1"), serving(3, "v2")];
  const seen = new Set<string>();
  const accepting = (...views: ProcessView[]) =>
    rememberAccepting(views, seen, { wanted: "v2", before: keys(old) }).flatMap(({ pid, accepts }) =>
      accepts ? [pid] : [],
    );
  assert.deepEqual(accepting(old, young), [2, 3]);
  assert.deepEqual(accepting({ ...old, accepts: false }, { ...young, accepts: false }), [3]);
});

test("an old worker that has the socket, and is busy, may still accept", () => {
  const busy = { ...serving(2, "v1"), accepts: false };
  const isLeft = (...views: ProcessView[]) => mayStillAccept(views, { wanted: "v2", before: keys(busy) });
  assert.equal(isLeft(busy), true);
  assert.equal(isLeft({ ...busy, holds: false }), false);
  assert.equal(isLeft({ ...busy, supervised: true }), false);
  // The old release has started it meanwhile; where its release can not be told, it counts as new.
  assert.equal(isLeft({ ...busy, pid: 7 }), true);
  assert.equal(isLeft({ ...busy, pid: 7, release: undefined }), false);
  assert.equal(isLeft({ ...busy, pid: 7, release: "v2" }), false);
});

test("workers that end again and again before one is ready are a release that can not start", () => {
  const [old, supervised] = [serving(2, "v1"), master(1, "v1")];
  const seen = new Set<string>();
  const lost = (...views: ProcessView[]) =>
    workersLost([supervised, ...views], seen, { wanted: "v2", before: keys(old) });
  const loading = (pid: number) => view(pid, { release: "v2" });
  assert.equal(lost(old, loading(3), loading(4)), undefined);
  // What does not have the socket is a helper, and comes and goes as it likes.
  for (let pid = 20; pid < 30; pid++) assert.equal(lost({ ...loading(pid), holds: false }, loading(4)), undefined);
  // Nor is what a worker forks as it loads, with all that it has itself.
  for (let pid = 30; pid < 40; pid++) assert.equal(lost({ ...loading(pid), isChild: false }, loading(4)), undefined);
  assert.equal(lost(loading(5), loading(6)), undefined);
  assert.equal(lost(loading(7), loading(8)), undefined);
  assert.equal(lost(loading(9), loading(10)), 6);
});

describe("workers that a server replaces by itself", () => {
  test("are all far younger than its last reload, and live twice as long as they have on average", () => {
    assert.equal(workerLifeMs([200, 1_000, 1_800], 60_000), 2_000);
  });

  test("are not told from those that were started by that reload", () => {
    assert.equal(workerLifeMs([5_000, 4_000, 1_000], 6_000), undefined);
    assert.equal(workerLifeMs([], 60_000), undefined);
  });
});
