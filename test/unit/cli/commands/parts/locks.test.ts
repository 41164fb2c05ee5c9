import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LockRequest } from "../../../../../agent/protocol.ts";
import { type LockedFleet, takeLocks } from "../../../../../cli/commands/parts/locks.ts";
import type { HostTarget } from "../../../../../cli/core/plan.ts";
import { ZdrError } from "../../../../../cli/failure.ts";
import { projectPlan } from "../../../../support/fixtures/plans.ts";

const LOCK: LockRequest = { by: { user: "ann", host: "laptop" }, why: "deploy v1", waitMs: 60_000 };

/** A lock in memory, with those who wait for it in a line. */
class MemoryLock {
  holder: string | undefined;
  readonly #line: (() => void)[] = [];

  async take(who: string, waits: boolean): Promise<boolean> {
    while (this.holder !== undefined) {
      if (!waits) return false;
      await new Promise<void>((resolve) => this.#line.push(resolve));
    }
    this.holder = who;
    return true;
  }

  give(): void {
    this.holder = undefined;
    this.#line.shift()?.();
  }
}

const target = (name: string, address: string): HostTarget => ({
  ...{
    kind: "ssh",
    name,
    address,
    port: 22,
    keys: [],
    hostKeys: [],
    knownHosts: [],
    transport: "builtin",
    connectTimeoutMs: 1000,
  },
});

/** One command's hosts, by the address of each. `asked`: in which order it asked, and whether it was ready to wait. */
function command(
  who: string,
  locks: ReadonlyMap<string, MemoryLock>,
  targets: readonly HostTarget[],
  passedOver: readonly string[] = [],
  down: readonly string[] = [],
  kind: "unreachable" | "frozen" = "unreachable",
) {
  const asked: string[] = [];
  const mine = new Set<MemoryLock>();
  const left = targets.filter(({ name }) => !passedOver.includes(name));
  const hosts = left.map((one) => {
    const lock = locks.get(one.kind === "ssh" ? one.address : "") as MemoryLock;
    const request = async (verb: string, body: { lock?: LockRequest }) => {
      if (verb === "unlock") {
        mine.delete(lock);
        lock.give();
        return {};
      }
      const waits = body.lock?.waitMs !== undefined;
      if (down.includes(one.name)) {
        if (kind === "unreachable")
          throw new ZdrError({ kind: "link", host: one.name, link: { kind, address: "", detail: "" } });
        const failure = { reason: kind, by: LOCK.by, why: "audit", since: "" } as const;
        throw new ZdrError({ kind: "agent", host: one.name, failure });
      }
      asked.push(`${waits ? "waits for" : "tries"} ${one.name}`);
      await new Promise((resolve) => setImmediate(resolve));
      if (waits) assert.ok(![...mine].some((held) => order(locks, held) > order(locks, lock)), `${who}: out of turn`);
      if (await lock.take(who, waits)) mine.add(lock);
      else {
        const held = { by: LOCK.by, why: "deploy", since: "", pid: 1, path: "" };
        throw new ZdrError({ kind: "agent", host: one.name, failure: { reason: "locked", ...held } });
      }
      return {};
    };
    return { name: one.name, session: Promise.resolve({ request }) };
  });
  const fleet = {
    hosts,
    onOne: async (
      host: { session: Promise<unknown> },
      _: string,
      step: (host: unknown, session: unknown) => unknown,
    ) => {
      try {
        await step(host, await host.session);
        return true;
      } catch (error) {
        if (error instanceof ZdrError) return false;
        throw error;
      }
    },
    onEvent: () => () => {},
  } as unknown as LockedFleet;
  const end = () => {
    for (const lock of mine) lock.give();
    mine.clear();
  };
  return {
    asked,
    end,
    take: (lock = LOCK, options = {}) =>
      takeLocks({ plan: projectPlan("/data/shop", []), targets }, fleet, lock, options),
  };
}

const order = (locks: ReadonlyMap<string, MemoryLock>, lock: MemoryLock) => [...locks.values()].indexOf(lock);
const threeHosts = () => new Map(["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => [address, new MemoryLock()]));

describe("the locks of several hosts", () => {
  test("without --wait nothing is asked beforehand", async () => {
    const one = command("a", threeHosts(), [target("x", "10.0.0.1"), target("y", "10.0.0.2")]);
    assert.equal(await one.take({ by: LOCK.by, why: LOCK.why }), true);
    assert.deepEqual(one.asked, []);
  });

  test("where all are free they are taken at once, and nobody waits", async () => {
    const one = command("a", threeHosts(), [target("x", "10.0.0.1"), target("y", "10.0.0.2")]);
    assert.equal(await one.take(), true);
    assert.deepEqual(one.asked, ["tries x", "tries y"]);
  });

  test("two commands that list the same hosts the other way round, under other names, both get there", async () => {
    const locks = threeHosts();
    for (let round = 0; round < 20; round++) {
      const a = command("a", locks, [target("x", "10.0.0.1"), target("y", "10.0.0.2"), target("z", "10.0.0.3")]);
      const b = command("b", locks, [target("c", "10.0.0.3"), target("b", "10.0.0.2"), target("a", "10.0.0.1")]);
      const done = await Promise.all([a, b].map((one) => one.take().finally(one.end)));
      assert.deepEqual(done, [true, true]);
    }
  });

  test("where a host was passed over the others are waited for in the same order as always", async () => {
    const locks = threeHosts();
    const targets = [target("x", "10.0.0.3"), target("y", "10.0.0.1"), target("z", "10.0.0.2")];
    const first = command("a", locks, targets.slice(1));
    await first.take();
    const second = command("b", locks, targets, ["x"]);
    const done = second.take();
    while (!second.asked.some((said) => said.startsWith("waits")))
      await new Promise((resolve) => setImmediate(resolve));
    first.end();
    assert.equal(await done, true);
    assert.deepEqual(second.asked, ["tries y", "tries z", "waits for y", "waits for z"]);
  });

  test("where one is held and another host is down and may be passed over, that one is left to whoever asks next", async () => {
    const locks = threeHosts();
    const targets = [target("x", "10.0.0.1"), target("y", "10.0.0.2"), target("z", "10.0.0.3")];
    await locks.get("10.0.0.1")?.take("a", false);
    const second = command("b", locks, targets, [], ["y"]);
    const done = second.take(LOCK, { skipUnreachable: true });
    while (!second.asked.some((said) => said.startsWith("waits")))
      await new Promise((resolve) => setImmediate(resolve));
    locks.get("10.0.0.1")?.give();
    assert.equal(await done, true);
    assert.deepEqual(second.asked, ["tries x", "tries z", "waits for x", "waits for z"]);
  });

  test("where one is held and another host is down, nobody waits for what will come to nothing", async () => {
    const locks = threeHosts();
    const targets = [target("x", "10.0.0.1"), target("y", "10.0.0.2"), target("z", "10.0.0.3")];
    await locks.get("10.0.0.1")?.take("a", false);
    const second = command("b", locks, targets, [], ["y"]);
    assert.equal(await second.take(), false);
    assert.deepEqual(second.asked, ["tries x", "tries z"]);
  });

  test("where one is held and an operator has locked another, which the command is refused by, nobody waits either", async () => {
    const locks = threeHosts();
    const targets = [target("x", "10.0.0.1"), target("y", "10.0.0.2"), target("z", "10.0.0.3")];
    await locks.get("10.0.0.1")?.take("a", false);
    const second = command("b", locks, targets, [], ["y"], "frozen");
    assert.equal(await second.take(LOCK, { skipUnreachable: true }), false);
    assert.deepEqual(second.asked, ["tries x", "tries z"]);
  });
});
