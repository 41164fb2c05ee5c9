import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { activeOf, servingOf, watchOf } from "../../../../agent/keeper/machine/family.ts";
import { type Effect, keyOf, type State } from "../../../../agent/keeper/machine/model.ts";
import { createWorld, type FakeProcess, SETTINGS, type World } from "./world.ts";

/** How often each one is tried. */
const WEIGHTS = {
  ...{
    spawned: 6,
    "cannot-spawn": 1,
    deliver: 5,
    look: 12,
    accept: 8,
    deafen: 1,
    crash: 2,
    obey: 4,
    fork: 6,
    helper: 1,
  },
  ...{ reap: 1, timer: 2, "reload-signal": 2, "other-signal": 1, ask: 3, abort: 1, asked: 1, lifeline: 1 },
} as const;
type Action = keyof typeof WEIGHTS | "stop";
interface Act {
  readonly action: Action;
  readonly pick: number;
}

const weighted = Object.entries(WEIGHTS).map(([action, weight]) => ({
  arbitrary: fc.constant(action as Action),
  weight,
}));
const acts = fc.array(fc.record({ action: fc.oneof(...weighted), pick: fc.nat(1000) }), {
  ...{ minLength: 20, maxLength: 80, size: "max" },
});
const strategies = fc.constantFrom("socket" as const, "handover" as const);
const RUNS = { numRuns: 1_000 };

function pickFrom<T>(list: readonly T[], pick: number): T | undefined {
  return list[pick % Math.max(list.length, 1)];
}

let asker = 0;

/** Does one thing that can happen to a keeper at this moment, or nothing where it can not. */
function act(world: World, { action, pick }: Act, reloadSignal: string): void {
  const living = [...world.processes.values()];
  const chosen = pickFrom(living, pick);
  if (action === "spawned") world.finishSpawn();
  if (action === "cannot-spawn") world.failSpawn();
  if (action === "deliver") world.deliver();
  if (action === "look" && (world.lookAsked() !== "no" || watchOf(world.state()) !== "off")) world.look(false);
  if (action === "accept" && chosen?.isKin) chosen.accepts = true;
  if (action === "deafen" && chosen) chosen.accepts = false;
  if (action === "crash" && chosen) world.end(chosen, { code: pick % 3 });
  if (action === "obey") obey(world, living, pick);
  if (action === "fork" && chosen?.isKin) world.fork(chosen, true);
  if (action === "helper" && chosen?.isKin) world.fork(chosen, false);
  if (action === "reap" && chosen) chosen.reapedFaults += 1;
  if (action === "lifeline" && living.length === 0) world.send({ kind: "lifeline-closed", lineage: 1 });
  const timer = pickFrom([...world.timers.keys()], pick);
  if (action === "timer" && timer !== undefined) world.fire(timer);
  if (action === "reload-signal") world.send({ kind: "signal", name: reloadSignal });
  if (action === "other-signal") world.send({ kind: "signal", name: "USR1" });
  asker += 1;
  if (action === "ask") world.send({ kind: "asked", verb: "reload", asker });
  if (action === "asked") world.send({ kind: "asked", verb: "asked", asker });
  if (action === "abort") world.send({ kind: "asked", verb: "abort", asker });
  if (action === "stop") world.send({ kind: "signal", name: "TERM" });
}

/** Whoever was told to end does. */
function obey(world: World, living: readonly FakeProcess[], pick: number): void {
  const told = pickFrom(
    living.filter(({ got }) => got.includes("TERM")),
    pick,
  );
  if (told) world.end(told, { code: 0 });
}

interface Moment {
  readonly before: State;
  readonly after: State;
  readonly effects: readonly Effect[];
  readonly world: World;
}

/** Lets things happen, and calls `check` after each one. Returns the world as it is then. */
function run(
  strategy: "socket" | "handover",
  list: readonly Act[],
  check: (moment: Moment) => void,
  world = createWorld(),
): World {
  const reloadSignal = strategy === "socket" ? "HUP" : "USR2";
  world.send({ kind: "start", settings: SETTINGS[strategy] });
  world.effects();
  for (const each of list) {
    if (world.exitCode() !== undefined) break;
    const before = world.state();
    act(world, each, reloadSignal);
    check({ before, after: world.state(), effects: world.effects(), world });
  }
  return world;
}

function forAll(check: (moment: Moment) => void): void {
  fc.assert(
    fc.property(strategies, acts, (strategy, list) => {
      run(strategy, list, check);
    }),
    RUNS,
  );
}

test("the keeper never ends with 0 unless it was told to stop", () => {
  forAll(({ world }) => assert.notEqual(world.exitCode(), 0));
});

test("it always ends when it is told to stop, whatever the program does", () => {
  const settings = fc.record({ obeys: fc.boolean(), isImmortal: fc.boolean() });
  fc.assert(
    fc.property(strategies, acts, settings, (strategy, list, { obeys, isImmortal }) => {
      const world = run(strategy, list, () => {}, createWorld({ isImmortal }));
      if (world.exitCode() !== undefined) return;
      const wasEnding = world.state().phase === "ending";
      act(world, { action: "stop", pick: 0 }, "");
      for (let round = 0; round < 40 && world.exitCode() === undefined; round++) {
        world.finishSpawn();
        if (obeys) obey(world, [...world.processes.values()], round);
        for (let times = 0; times < 5; times++) world.deliver();
        if (world.lookAsked() !== "no" || watchOf(world.state()) !== "off") world.look(false);
        // Time passes when nothing else happens.
        if (round % 10 === 9) world.fire("end");
      }
      assert.equal(world.exitCode(), 0, `was ending: ${wasEnding}`);
      if (!isImmortal) assert.deepEqual([...world.processes.values()], []);
    }),
    RUNS,
  );
});

test("there is one reload at a time", () => {
  forAll(({ before, after, effects, world }) => {
    assert.ok(world.spawns() <= 1, "two starts at once");
    for (const effect of effects) {
      if (effect.kind === "spawn") {
        const starting = activeOf(after).filter(({ stage, isLate }) => stage === "starting" && !isLate);
        assert.deepEqual(starting, [], "a start while another one has its time");
      }
      if (effect.kind === "signal" && effect.name === "USR2") {
        assert.equal(before.reload?.step, "looking");
        assert.equal(after.generations.length, 1, "two generations, and one was asked for a third");
      }
    }
  });
});

test("a signal that comes before the program accepts is passed on when it does", () => {
  forAll(({ after, effects, before }) => {
    if (after.phase !== "serving") return;
    if (after.signals.length > 0) assert.equal(servingOf(after), undefined);
    for (const effect of effects) {
      if (effect.kind !== "signal" || effect.name !== "USR1") continue;
      const target = [...after.generations, ...before.generations].find(({ pid }) => pid === effect.pid);
      assert.ok(target !== undefined && (target.stage !== "starting" || target.isLate));
    }
    if (before.signals.length > 0 && after.signals.length === 0) {
      assert.ok(effects.some((effect) => effect.kind === "signal" && effect.name === "USR1"));
    }
  });
});

test("what was ready is told to end only while another one is, unless the program ended or the keeper stops", () => {
  forAll(({ before, after, effects }) => {
    if (after.phase !== "serving") return;
    for (const effect of effects) {
      if (effect.kind !== "kill" && !(effect.kind === "signal" && effect.name === "TERM")) continue;
      const target = before.generations.find((generation) => keyOf(generation) === keyOf(effect));
      if (target?.stage !== "ready" && target?.stage !== "draining") continue;
      const others = after.generations.filter(({ pid, stage }) => pid !== effect.pid && stage === "ready");
      assert.ok(others.length > 0, `pid ${effect.pid} was ${target.stage}`);
    }
  });
});

test("no process is told to end twice", () => {
  forAll(({ world }) => {
    for (const { pid, got } of world.processes.values()) {
      assert.ok(got.filter((name) => name === "TERM").length <= 1, `pid ${pid}: ${got}`);
    }
  });
});

test("with handover an old generation that leaves by itself is told nothing", () => {
  fc.assert(
    fc.property(acts, (list) => {
      run("handover", list, ({ after, effects }) => {
        for (const effect of effects) {
          if (effect.kind !== "signal" || effect.name !== "TERM") continue;
          const target = after.generations.find(({ pid }) => pid === effect.pid);
          const isOverLimit = effects.some((other) => other.kind === "note" && other.note.note === "over-limit");
          if (target?.stage === "draining") assert.ok(isOverLimit);
        }
      });
    }),
    RUNS,
  );
});

test("every request is answered, and nothing after its last answer", () => {
  fc.assert(
    fc.property(strategies, acts, (strategy, list) => {
      const world = run(strategy, list, () => {});
      if (world.exitCode() === undefined) act(world, { action: "stop", pick: 0 }, "");
      for (const answers of world.answers.values()) {
        const events = answers.map(({ event }) => event);
        assert.match(events.join(), /^(?:queued,)?(?:started,)?(?:ready|failed)$|^aborted$|^noted$/);
      }
    }),
    RUNS,
  );
});

test("while one child serves and nothing is under way, nobody looks and no timer runs", () => {
  forAll(({ after, world }) => {
    const [only, ...rest] = after.generations;
    if (after.phase !== "serving" || only?.stage !== "ready" || rest.length > 0 || !only.isChild) return;
    if (after.reload !== undefined || after.strays.size > 0) return;
    assert.equal(watchOf(after), "off");
    const running = [...world.timers.keys()].filter((name) => name !== "stable" && !name.startsWith("stray:"));
    assert.deepEqual(running, []);
  });
});

test("a keeper that serves has something to serve with, or is on its way to it", () => {
  forAll(({ after, world }) => {
    if (after.phase !== "serving" || activeOf(after).length > 0) return;
    const waits = after.isSpawning || after.isBackingOff || world.timers.has("hold");
    const isOnItsWay = waits || world.lookAsked() !== "no";
    assert.ok(isOnItsWay || watchOf(after) === "fast", "nobody serves, and nothing will happen");
  });
});
