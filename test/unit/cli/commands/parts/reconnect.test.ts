import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { overNewLinks } from "../../../../../cli/commands/parts/reconnect.ts";
import { ZdrError } from "../../../../../cli/failure.ts";
import { FOREIGN_PID, linkedHost, lockedBy, lost, OWN_PID } from "../../../../support/fixtures/linked-hosts.ts";

const soak = (relink: Parameters<typeof overNewLinks>[0], host: Parameters<typeof overNewLinks>[1]) =>
  overNewLinks(relink, host, (session) => session.request("soak", { ms: 1 }));
const failsWith = (kind: string) => (error: unknown) => error instanceof ZdrError && error.failure.kind === kind;

describe("a lock that is taken again over a new link", { concurrency: true }, () => {
  test("is waited for while an agent of this very command has it", async () => {
    let left = 1;
    const survey = () => (left-- > 0 ? lockedBy(OWN_PID) : {});
    const one = linkedHost([{ soak: () => lost }, { survey }]);
    await soak(one.relink, one.host);
    assert.deepEqual(one.asked, ["soak", "survey", "survey", "soak"]);
    assert.ok(one.told.some((text) => text.includes("its agent is still at work")));
    assert.equal(one.host.isLockGone, false);
  });

  test("is somebody else's: that is told at once, and the host is known to be out of hand", async () => {
    const one = linkedHost([{ soak: () => lost }, { survey: () => lockedBy(FOREIGN_PID) }]);
    await assert.rejects(soak(one.relink, one.host), failsWith("agent"));
    assert.deepEqual(one.asked, ["soak", "survey"]);
    assert.equal(one.host.isLockGone, true);
  });

  test("is not waited for any more once the operator wants to stop; that is an interrupt, and no lock of somebody's", async () => {
    const one = linkedHost([{ soak: () => lost }, { survey: () => lockedBy(OWN_PID) }]);
    const report = one.relink.run.output.report;
    one.relink.run.output.report = (event) => {
      report(event);
      if (one.told.at(-1)?.includes("still at work")) one.interrupt.signal = "SIGINT";
    };
    await assert.rejects(soak(one.relink, one.host), failsWith("interrupted"));
  });
});
