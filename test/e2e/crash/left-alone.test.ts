/** An operator, or a CI system, has no more time, and a host does not answer: what is where is said all the same. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type CrashHost, startCrashHost } from "../../support/crash/host.ts";
import { buildSteered } from "../../support/crash/moments.ts";
import { findLies } from "../../support/crash/truth.ts";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import type { RunResult } from "../../support/processes.ts";
import type { RunningZdr } from "../../support/rig.ts";

describe("a host that does not answer", () => {
  const cleaning: (() => Promise<void>)[] = [];
  const cleanup = { after: (clean: () => Promise<void>) => cleaning.push(clean) };
  let host: CrashHost;

  before(async () => {
    host = await startCrashHost(cleanup, "gunicorn", await buildSteered(cleanup));
    // What ends a wait in here is not the silence.
    await host.beSilentFor(3600);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  /** A deploy whose agent stays at this moment until `interrupt` has made zdr end; then the agent goes on. */
  async function deployAndLeave(moment: string, interrupt: (zdr: RunningZdr) => Promise<void> | void) {
    const { tag } = await host.nextBuild();
    await host.moments.stopAt(moment);
    const zdr = host.rig.startZdr(["deploy", "--tag", tag]);
    const pid = await host.moments.reached(zdr.done);
    assert.ok(pid);
    await interrupt(zdr);
    const result = await zdr.done;
    await host.moments.goOn();
    await eventually(() => !existsSync(`/proc/${pid}`), { name: "the agent has ended", timeoutMs: 60_000 });
    return { tag, ...result };
  }

  const stateOf = ({ stderr }: Pick<RunResult, "stderr">) => /^zdr: state: (.*)$/m.exec(stderr)?.[1];
  const current = () => textAt(`${host.url}/version`);

  test("after SIGTERM the state of each host is said all the same, and the agent finishes the activation alone", async () => {
    const { tag, code, stderr, ...rest } = await deployAndLeave("program: signalled #1", (zdr) => zdr.kill("SIGTERM"));
    assert.equal(code, 143, `${rest.stdout}${stderr}`);
    assert.equal(stateOf({ stderr }), `web1 was left to its agent, which keeps ${tag} or reverts by itself`);
    assert.deepEqual(await findLies(host.rig.deployTo), []);
    assert.match((await host.rig.zdr(["releases"])).stdout, new RegExp(`${tag}.*good`));
  });

  test("after SIGTERM before the flip the agent undoes what it had begun", async () => {
    const before = await current();
    const { code, stderr } = await deployAndLeave("incoming: synced #1", (zdr) => zdr.kill("SIGTERM"));
    assert.equal(code, 143, stderr);
    assert.equal(stateOf({ stderr }), "web1 was not touched");
    assert.equal(await current(), before);
    assert.deepEqual(await findLies(host.rig.deployTo), []);
  });

  test("the second SIGINT ends the wait at once", async () => {
    const { tag, code, stderr } = await deployAndLeave("program: signalled #1", async (zdr) => {
      zdr.kill("SIGINT");
      await eventually(() => zdr.said().stderr.includes("a second signal"), { name: "the first signal is taken" });
      zdr.kill("SIGINT");
    });
    assert.equal(code, 130, stderr);
    assert.equal(stateOf({ stderr }), `web1 was left to its agent, which keeps ${tag} or reverts by itself`);
    assert.deepEqual(await findLies(host.rig.deployTo), []);
  });
});
