import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { watchOf } from "../../../../agent/keeper/machine/family.ts";
import { CRASH_LIMIT, exitCodeOf, type Member, type Status } from "../../../../agent/keeper/machine/model.ts";
import { answersTo, createWorld, type FakeProcess, SETTINGS, stagesOf, startedWorld, type World } from "./world.ts";

const reload = (world: World, asker: number) => world.send({ kind: "asked", verb: "reload", asker });
const abort = (world: World, asker: number) => world.send({ kind: "asked", verb: "abort", asker });

/** With `socket`: the successor of a reload, started and not accepting yet. */
function successorOf(world: World, asker = 1): FakeProcess {
  reload(world, asker);
  const successor = world.finishSpawn();
  assert.ok(successor);
  return successor;
}

/** With `handover`: the program was asked, and forked. */
function died(member: Member, pid: number): Member {
  return member.pid === pid ? { ...member, isDead: true } : member;
}

/** Looks that find nobody new, and then the time that a program has to fork is up. */
function waitInVain(world: World, looks = 16): void {
  for (let look = 0; look < looks; look++) world.look(false);
  world.fire("fork");
}

function forkAsked(world: World, parent: FakeProcess, asker = 1): FakeProcess {
  reload(world, asker);
  world.look(false);
  assert.equal(parent.got.at(-1), "USR2");
  return world.fork(parent, true);
}

function endAndTell(world: World, process: FakeProcess, status: Status): void {
  world.end(process, status);
  world.deliver();
  world.look(false);
}

describe("socket", () => {
  test("the old generation is told to end when the new one accepts, not before", () => {
    const world = startedWorld("socket");
    const second = successorOf(world);
    world.look(false);
    assert.deepEqual(world.first.got, []);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(world.first.got, ["TERM"]);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("what is remembered does not grow with the number of reloads", () => {
    const world = startedWorld("socket");
    const sizeOf = (value: unknown) =>
      value instanceof Set || value instanceof Map ? value.size : [value].flat().length;
    const remembered = () => Object.values(world.state()).map(sizeOf);
    let current = world.first;
    const reloadOnce = () => {
      const successor = successorOf(world);
      successor.accepts = true;
      world.look(false);
      endAndTell(world, current, { code: 0 });
      world.send({ kind: "lifeline-closed", lineage: current.lineage });
      current = successor;
    };
    for (let count = 0; count < 3; count++) reloadOnce();
    const before = remembered();
    for (let count = 0; count < 100; count++) reloadOnce();
    assert.deepEqual(remembered(), before);
    assert.deepEqual(stagesOf(world), { [current.pid]: "ready" });
  });

  test("a start that was aborted under way never serves", () => {
    const world = startedWorld("socket");
    reload(world, 1);
    abort(world, 2);
    const unwanted = world.finishSpawn() ?? assert.fail();
    unwanted.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: aborted"]);
    assert.deepEqual([world.first.got, unwanted.got], [[], ["TERM"]]);
  });

  test("a release that crashes, hangs or can not be executed costs nothing", () => {
    const world = startedWorld("socket");
    endAndTell(world, successorOf(world, 1), { code: 3 });
    const hung = successorOf(world, 2);
    world.fire(`ready:${hung.pid}`);
    reload(world, 3);
    world.failSpawn();
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
    assert.deepEqual(answersTo(world, 2), ["started", "failed: not-ready"]);
    assert.deepEqual(answersTo(world, 3), ["started", "failed: cannot-execute"]);
    assert.deepEqual(hung.got, ["TERM"]);
    assert.deepEqual(world.first.got, []);
    assert.equal(stagesOf(world)[world.first.pid], "ready");
  });

  test("a program that crashes is started again at once, and after more and more time while it goes on crashing", () => {
    const world = startedWorld("socket");
    let current = world.first;
    const pauses: (number | undefined)[] = [];
    for (let crash = 1; crash <= CRASH_LIMIT; crash++) {
      endAndTell(world, current, { code: 1 });
      pauses.push(world.timers.get("back-off"));
      world.fire("back-off");
      current = world.finishSpawn() ?? assert.fail("not started again");
    }
    assert.deepEqual(pauses, [undefined, 250, 500, 1000, 2000, 4000]);
    endAndTell(world, current, { code: 7 });
    world.look(false);
    assert.equal(world.exitCode(), 7);
  });

  test("crashes of long ago count no more", () => {
    const world = startedWorld("socket");
    endAndTell(world, world.first, { code: 1 });
    const second = world.finishSpawn() ?? assert.fail();
    second.accepts = true;
    world.look(false);
    world.fire("stable");
    endAndTell(world, second, { code: 1 });
    assert.equal(world.timers.get("back-off"), undefined);
    assert.equal(world.spawns(), 1);
  });

  test("a program that crashes before it was ever ready is left to whoever started the keeper", () => {
    const world = createWorld();
    world.send({ kind: "start", settings: SETTINGS.socket });
    endAndTell(world, world.finishSpawn() ?? assert.fail(), { code: 5 });
    assert.equal(world.exitCode(), 5);
  });

  test("a reload does not wait for the pause after a crash", () => {
    const world = startedWorld("socket");
    endAndTell(world, world.first, { code: 1 });
    endAndTell(world, world.finishSpawn() ?? assert.fail(), { code: 1 });
    assert.equal(world.timers.get("back-off"), 250);
    reload(world, 1);
    const fixed = world.finishSpawn() ?? assert.fail("still waiting");
    fixed.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
    assert.equal(world.timers.has("back-off"), false);
  });

  test("what a generation leaves behind is ended, lest it accepts for a release that is gone", () => {
    const world = startedWorld("socket");
    const worker = world.fork(world.first, true);
    const second = successorOf(world);
    const job = world.fork(second, false);
    second.accepts = true;
    world.look(false);
    endAndTell(world, world.first, { code: 0 });
    assert.deepEqual(worker.got, ["TERM"]);
    assert.deepEqual(job.got, []);
    world.fire(`stray:${worker.pid}`);
    assert.equal(world.processes.has(worker.pid), false);
  });

  test("a successor of which nobody can tell whether it accepts counts as ready when its time is up", () => {
    const world = startedWorld("socket");
    const second = successorOf(world);
    const member = { ...second, isDead: false, accepts: "unknown" as const };
    world.send({ kind: "looked", all: false, members: [member] });
    world.fire(`ready:${second.pid}`);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });
});

describe("handover", () => {
  test("a successor takes over when it accepts, and the old one is left to itself", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
    assert.deepEqual(world.first.got, ["USR2"]);
    assert.deepEqual(stagesOf(world), { [world.first.pid]: "draining", [second.pid]: "ready" });
  });

  test("a fork that has executed nothing is no successor, though it has the same name and socket", () => {
    const world = startedWorld("handover");
    const copy = forkAsked(world, world.first);
    Object.assign(copy, { isCopy: true, accepts: true });
    for (let look = 0; look < 3; look++) world.look(false);
    world.end(copy, { code: 0 });
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    const second = world.fork(world.first, true);
    Object.assign(second, { isCopy: true, accepts: true });
    world.look(false);
    Object.assign(second, { isCopy: false, accepts: false });
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
    assert.deepEqual(stagesOf(world), { [world.first.pid]: "draining", [second.pid]: "ready" });
  });

  test("a look that shows neither the old one nor a successor is doubted: the fork may be younger than the list", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    // The list was begun before the fork, and read on when the old one had gone.
    world.end(world.first, { code: 0 });
    world.deliver();
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    const second = world.fork(world.first, true);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("an old generation that nobody ends is told so, where the spec says how", () => {
    const world = startedWorld("handover", { oldSignal: "QUIT" });
    const second = forkAsked(world, world.first);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(world.first.got, ["USR2", "QUIT"]);
  });

  test("the next reload waits until one generation is left", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first, 1);
    second.accepts = true;
    world.look(false);
    reload(world, 2);
    world.look(false);
    assert.deepEqual(answersTo(world, 2), ["queued"]);
    assert.deepEqual(second.got, []);
    endAndTell(world, world.first, { code: 0 });
    world.look(false);
    assert.deepEqual(second.got, ["USR2"]);
  });

  test("a reload that waits for an old generation that is nobody's child looks for its end at once, and closely", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first, 1);
    second.accepts = true;
    world.look(false);
    endAndTell(world, world.first, { code: 0 });
    world.look(false);
    const third = forkAsked(world, second, 2);
    third.accepts = true;
    world.look(false);
    assert.equal(watchOf(world.state()), "slow");
    world.end(second, "unknown");
    reload(world, 3);
    assert.equal(world.lookAsked(), "some");
    assert.equal(watchOf(world.state()), "fast");
    world.look(false);
    world.look(false);
    assert.deepEqual(third.got, ["USR2"]);
  });

  test("a successor is found whoever asked the program to fork it", () => {
    const world = startedWorld("handover");
    const second = world.fork(world.first, true);
    second.accepts = true;
    endAndTell(world, world.first, { code: 0 });
    assert.deepEqual(stagesOf(world), { [second.pid]: "ready" });
    assert.equal(world.exitCode(), undefined);
  });

  test("a parent that leaves before its successor accepts does not end the keeper", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    endAndTell(world, world.first, { code: 0 });
    assert.deepEqual(answersTo(world, 1), ["started"]);
    second.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("a helper is no successor, and does not keep the keeper when the program has ended", () => {
    const world = startedWorld("handover");
    const helper = world.fork(world.first, false);
    endAndTell(world, world.first, { code: 9 });
    world.look(false);
    assert.deepEqual(helper.got, ["TERM"]);
    world.end(helper, "unknown");
    world.look(false);
    assert.equal(world.exitCode(), 9);
  });

  test("a successor that dies is told soon, and the next reload works", () => {
    const world = startedWorld("handover");
    const bad = forkAsked(world, world.first, 1);
    world.look(false);
    world.look(false);
    world.end(bad, "unknown");
    waitInVain(world, 9);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
    const good = forkAsked(world, world.first, 2);
    good.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 2), ["started", "ready"]);
  });

  test("a successor that hangs is ended while the old one accepts, and left alone where nobody else does", () => {
    const accepting = startedWorld("handover");
    const first = forkAsked(accepting, accepting.first);
    accepting.fire("ready");
    accepting.look(true);
    assert.deepEqual(first.got, ["TERM"]);
    assert.deepEqual(answersTo(accepting, 1), ["started", "failed: not-ready"]);

    const deserted = startedWorld("handover");
    const only = forkAsked(deserted, deserted.first);
    endAndTell(deserted, deserted.first, { code: 0 });
    deserted.fire("ready");
    deserted.look(true);
    assert.deepEqual(only.got, []);
    assert.deepEqual(answersTo(deserted, 1), ["started", "failed: not-ready"]);
  });

  test("a program that forks nothing is told as that, long before a successor would have to be ready", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    assert.ok((world.timers.get("fork") ?? Number.NaN) < (world.timers.get("ready") ?? Number.NaN));
    waitInVain(world);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: no-successor"]);

    const slow = startedWorld("handover");
    forkAsked(slow, slow.first, 1);
    slow.look(false);
    slow.fire("fork");
    assert.deepEqual(answersTo(slow, 1), ["started"]);
  });

  test("a helper that looks like its parent for a moment is no successor that died", () => {
    const world = startedWorld("handover");
    const helper = forkAsked(world, world.first, 1);
    helper.isCopy = true;
    world.look(false);
    world.end(helper, "unknown");
    for (let looks = 0; looks < 10; looks++) world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    waitInVain(world);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: no-successor"]);
  });

  test("a successor that one look has seen, and the next ones have not, is told as one that crashed", () => {
    const world = startedWorld("handover");
    const crashing = forkAsked(world, world.first, 1);
    world.look(false);
    world.end(crashing, "unknown");
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    waitInVain(world, 8);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
    assert.equal(stagesOf(world)[world.first.pid], "ready");
  });

  test("a successor that crashes before anybody looks, and was waited for, is told soon and as that", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    const patience = world.timers.get("fork") ?? Number.NaN;
    world.first.reapedFaults += 1;
    world.look(false);
    assert.ok((world.timers.get("fork") ?? Number.NaN) < patience);
    waitInVain(world, 8);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
    assert.equal(stagesOf(world)[world.first.pid], "ready");
  });

  test("a program that runs one command after another before it forks keeps its time for that", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    const patience = world.timers.get("fork") ?? Number.NaN;
    world.first.reapedFaults += 1;
    const second = world.fork(world.first, false);
    world.look(false);
    assert.equal(world.timers.get("fork"), patience, "the second is at work");
    world.end(second, { code: 0 });
    world.first.reapedFaults += 1;
    world.look(false);
    assert.ok((world.timers.get("fork") ?? Number.NaN) < patience);
    world.fork(world.first, false);
    world.look(false);
    world.fire("fork");
    assert.deepEqual(answersTo(world, 1), ["started"], "and so is a third");
    const successor = world.fork(world.first, true);
    successor.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("a successor that follows on a helper that the program has waited for is taken", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    world.first.reapedFaults += 1;
    world.look(false);
    const successor = world.fork(world.first, true);
    world.look(false);
    world.fire("fork");
    successor.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("what a program that is asked by others has waited for before it heard shortens nothing", () => {
    const world = startedWorld("handover", { signal: undefined });
    reload(world, 1);
    world.look(false);
    world.first.reapedFaults += 1;
    world.look(false);
    assert.equal(world.timers.has("fork"), false);
    world.send({ kind: "asked", verb: "asked", asker: 2 });
    waitInVain(world);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
  });

  test("a check of the new release that the program makes by its own name is not taken for a successor that crashed", () => {
    const world = startedWorld("handover");
    const check = forkAsked(world, world.first, 1);
    world.look(false);
    world.end(check, "unknown");
    for (let looks = 1; looks < 8; looks++) world.look(false);
    const successor = world.fork(world.first, true);
    world.look(false);
    successor.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("a check by the program's own name that takes its time, and is dead for a moment, is no successor that crashed", () => {
    const world = startedWorld("handover");
    const check = forkAsked(world, world.first, 1);
    for (let looks = 0; looks < 5; looks++) world.look(false);
    world.send({ kind: "looked", all: false, members: world.state().members.map((member) => died(member, check.pid)) });
    world.end(check, "unknown");
    for (let looks = 0; looks < 20; looks++) world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    const successor = world.fork(world.first, true);
    successor.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("on a host that stood still a program's time is not up before the keeper has looked for its successor", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    for (let looks = 0; looks < 15; looks++) {
      world.fire("fork");
      world.look(false);
    }
    assert.deepEqual(answersTo(world, 1), ["started"]);
    const successor = world.fork(world.first, true);
    successor.accepts = true;
    world.look(false);
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("a program that took long until its first child had ended has as long for the next one, and as long again", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    for (let looks = 0; looks < 12; looks++) world.look(false);
    world.first.reapedFaults += 1;
    world.look(false);
    waitInVain(world, 20);
    assert.deepEqual(answersTo(world, 1), ["started"]);
    waitInVain(world, 6);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
  });

  test("while a program has a child at work that it had not before, its time to fork is not up", () => {
    const world = startedWorld("handover");
    reload(world, 1);
    world.look(false);
    world.fork(world.first, false);
    waitInVain(world);
    waitInVain(world);
    assert.deepEqual(answersTo(world, 1), ["started"]);
  });

  test("of a successor and its workers the successor is the generation", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    const worker = world.fork(second, true);
    worker.accepts = true;
    world.look(false);
    assert.deepEqual(world.answers.get(1)?.at(-1), { event: "ready", pid: second.pid, startTicks: second.startTicks });
  });

  test("a successor that nobody may look into is believed in some time after its parent has left", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    const looked = () => {
      world.send({ kind: "looked", all: false, members: [{ ...second, isDead: false, accepts: "unknown" }] });
    };
    world.end(world.first, { code: 0 });
    world.deliver();
    for (let looks = 1; looks < 8; looks++) looked();
    assert.deepEqual(answersTo(world, 1), ["started"]);
    looked();
    assert.deepEqual(answersTo(world, 1), ["started", "ready"]);
  });

  test("a program that is asked by others is given all of the time", () => {
    const world = startedWorld("handover", { signal: undefined });
    reload(world, 1);
    world.look(false);
    assert.deepEqual(world.first.got, []);
    assert.deepEqual([...world.timers.keys()], ["ready"]);
    world.fire("ready");
    world.look(true);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: no-successor"]);
  });

  test("a program that has told others that it heard them is waited for no longer than one that was signalled", () => {
    const world = startedWorld("handover", { signal: undefined });
    reload(world, 1);
    world.look(false);
    world.send({ kind: "asked", verb: "asked", asker: 2 });
    assert.deepEqual(answersTo(world, 2), ["noted"]);
    waitInVain(world);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: no-successor"]);
    world.send({ kind: "asked", verb: "asked", asker: 3 });
    assert.deepEqual([world.timers.has("fork"), answersTo(world, 3)], [false, ["noted"]]);
  });

  test("an old generation that still accepts serves again when its successor has died", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    second.accepts = true;
    world.look(false);
    world.end(second, "unknown");
    world.look(false);
    world.look(true);
    assert.deepEqual(stagesOf(world), { [world.first.pid]: "ready" });
    assert.equal(world.timers.has(`drain:${world.first.pid}`), false);
  });

  test("abort ends a hung successor, and starts the program again where nothing else is left", () => {
    const world = startedWorld("handover");
    const hung = forkAsked(world, world.first, 1);
    endAndTell(world, world.first, { code: 0 });
    abort(world, 2);
    assert.deepEqual(hung.got, ["TERM"]);
    assert.deepEqual(answersTo(world, 1), ["started", "failed: aborted"]);
    assert.deepEqual(answersTo(world, 2), ["aborted"]);
    assert.equal(world.spawns(), 0, "the hung one may hold the port");
    world.end(hung, "unknown");
    world.look(true);
    assert.equal(world.spawns(), 1);
  });

  test("a program that ends in a client's reload is started again when the client says so, or is left to supervisor", () => {
    const lost = () => {
      const world = startedWorld("handover");
      const bad = forkAsked(world, world.first, 1);
      endAndTell(world, world.first, { code: 0 });
      world.end(bad, "unknown");
      world.look(false);
      world.look(true);
      assert.deepEqual(answersTo(world, 1), ["started", "failed: exited"]);
      assert.equal(world.exitCode(), undefined);
      return world;
    };
    const told = lost();
    abort(told, 2);
    told.look(true);
    assert.equal(told.spawns(), 1);
    assert.equal(told.timers.has("hold"), false);

    const untold = lost();
    untold.fire("hold");
    untold.look(false);
    assert.equal(untold.exitCode(), 1);
  });

  test("a program that ends in a reload that a signal asked for is left to supervisor at once", () => {
    const world = startedWorld("handover");
    world.send({ kind: "signal", name: "USR2" });
    world.look(false);
    endAndTell(world, world.first, { code: 5 });
    world.look(true);
    world.look(false);
    assert.equal(world.exitCode(), 5);
  });

  test("abort leaves what is ready alone", () => {
    const world = startedWorld("handover");
    abort(world, 1);
    assert.deepEqual(world.answers.get(1), [{ event: "aborted", ended: [] }]);
    assert.deepEqual(world.first.got, []);
  });

  test("a successor that was forked as the keeper is told to stop is told as well", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    world.look(false);
    world.send({ kind: "signal", name: "TERM" });
    assert.deepEqual([world.first.got, second.got], [["USR2", "TERM"], ["TERM"]]);

    const late = startedWorld("handover");
    late.send({ kind: "signal", name: "TERM" });
    const unseen = late.fork(late.first, true);
    endAndTell(late, late.first, { code: 0 });
    assert.deepEqual(unseen.got, ["TERM"]);
    assert.equal(late.timers.has(`stray:${unseen.pid}`), false, "it has requests of its own to finish");
  });

  test("a stop does not tell an old generation what its successor has told it", () => {
    const world = startedWorld("handover");
    const second = forkAsked(world, world.first);
    second.accepts = true;
    world.look(false);
    world.send({ kind: "signal", name: "TERM" });
    assert.deepEqual([world.first.got, second.got], [["USR2"], ["TERM"]]);
  });

  test("the end of a successor is watched for where a helper holds the lifeline as well, and only there", () => {
    const world = startedWorld("handover");
    const second = world.fork(world.first, true);
    const helper = world.fork(second, false);
    second.accepts = true;
    endAndTell(world, world.first, { code: 0 });
    assert.equal(watchOf(world.state()), "slow");
    world.end(helper, "unknown");
    world.look(false);
    assert.equal(watchOf(world.state()), "off");
    world.send({ kind: "lifeline-closed", lineage: 1 });
    world.look(false);
    assert.equal(watchOf(world.state()), "slow");
  });
});

describe("both", () => {
  test("a reload that is asked for before the program accepts takes place when it does", () => {
    const world = createWorld();
    world.send({ kind: "signal", name: "USR1" });
    world.send({ kind: "start", settings: SETTINGS.handover });
    const first = world.finishSpawn() ?? assert.fail();
    world.send({ kind: "signal", name: "USR2" });
    world.look(false);
    assert.deepEqual(first.got, []);
    first.accepts = true;
    world.look(false);
    world.look(false);
    assert.deepEqual(first.got, ["USR1", "USR2"]);
  });

  test("an old generation is ended past its drain limit", () => {
    for (const strategy of ["socket", "handover"] as const) {
      const world = startedWorld(strategy);
      const second = strategy === "socket" ? successorOf(world) : forkAsked(world, world.first);
      second.accepts = true;
      world.look(false);
      assert.equal(world.timers.get(`drain:${world.first.pid}`), SETTINGS[strategy].drainMs);
      world.fire(`drain:${world.first.pid}`);
      // One that was not told before gets a last chance.
      if (strategy === "handover") world.fire(`drain:${world.first.pid}`);
      assert.equal(world.processes.has(world.first.pid), false);
      assert.equal(world.first.got.filter((name) => name === "TERM").length, 1);
    }
  });

  test("an old generation past its drain limit is left, where that is wanted, until the keeper is told to stop", () => {
    for (const strategy of ["socket", "handover"] as const) {
      const world = startedWorld(strategy);
      world.send({ kind: "settings", settings: { ...SETTINGS[strategy], pastDrain: "leave" } });
      const second = strategy === "socket" ? successorOf(world) : forkAsked(world, world.first);
      second.accepts = true;
      world.look(false);
      const before = [...world.first.got];
      const timer = `drain:${world.first.pid}`;
      world.fire(timer);
      assert.deepEqual([world.processes.has(world.first.pid), world.first.got], [true, before]);
      assert.equal(world.timers.has(timer), false);
      world.send({ kind: "signal", name: "TERM" });
      world.fire("end");
      assert.equal(world.processes.has(world.first.pid), false);
    }
  });

  test("an old generation past its limit is not ended while nobody else is ready", () => {
    const world = startedWorld("socket");
    const second = successorOf(world);
    second.accepts = true;
    world.look(false);
    world.end(second, { code: 1 });
    world.deliver();
    world.fire(`drain:${world.first.pid}`);
    assert.equal(world.processes.has(world.first.pid), true);
    assert.ok(world.timers.has(`drain:${world.first.pid}`));
  });

  test("the program's own status is passed up, never 0, and 1 where nobody can know it", () => {
    assert.equal(exitCodeOf({ code: 3 }), 3);
    assert.equal(exitCodeOf({ code: 0 }), 1);
    assert.equal(exitCodeOf({ signal: 11 }), 139);
    assert.equal(exitCodeOf("unknown"), 1);
    const world = startedWorld("handover");
    endAndTell(world, world.first, { signal: 6 });
    world.look(true);
    assert.equal(world.exitCode(), 134);
  });

  test("past the drain limit of a stop everything is killed, and the keeper ends with 0", () => {
    const world = startedWorld("handover");
    const helper = world.fork(world.first, false);
    world.look(false);
    world.send({ kind: "signal", name: "TERM" });
    assert.deepEqual(helper.got, [], "it may be needed for the last requests");
    assert.equal(world.timers.get("end"), SETTINGS.handover.drainMs);
    world.fire("end");
    world.deliver();
    world.look(false);
    assert.equal(world.processes.size, 0);
    assert.equal(world.exitCode(), 0);
  });

  test("a second TERM changes nothing", () => {
    const world = startedWorld("handover");
    world.send({ kind: "signal", name: "TERM" });
    world.effects();
    world.send({ kind: "signal", name: "TERM" });
    assert.deepEqual(world.effects(), []);
  });

  test("who is forked while everything is killed is killed as well", () => {
    const world = startedWorld("handover");
    world.send({ kind: "signal", name: "TERM" });
    world.fire("end");
    const orphan = world.fork({ ...world.first, pid: 1 }, true);
    world.look(false);
    assert.equal(world.processes.has(orphan.pid), false);
  });

  test("a stop before anything was started starts nothing", () => {
    const world = createWorld();
    world.send({ kind: "signal", name: "TERM" });
    world.send({ kind: "start", settings: SETTINGS.socket });
    assert.equal(world.exitCode(), 0);
    assert.equal(world.spawns(), 0);
  });

  test("settings that were read again count for the next reload, but for the strategy", () => {
    const world = startedWorld("handover");
    world.send({ kind: "settings", settings: { ...SETTINGS.socket, signal: "HUP" } });
    world.send({ kind: "signal", name: "HUP" });
    world.look(false);
    assert.deepEqual(world.first.got, ["HUP"]);
    assert.equal(world.spawns(), 0);
  });
});
