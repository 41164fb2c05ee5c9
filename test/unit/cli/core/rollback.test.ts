import assert from "node:assert/strict";
import { test } from "node:test";
import type { Survey } from "../../../../agent/protocol.ts";
import type { ReleaseInfo, Verdict } from "../../../../agent/wire/release.ts";
import { commonRollbackTarget, doubtsAbout } from "../../../../cli/core/rollback.ts";

const release = (tag: string, verdict: Verdict, provedRank: number, isPresent = true): ReleaseInfo => ({
  ...{ tag, verdict, isPresent, isCurrent: false, runs: [], provedRank },
});

function host(name: string, current: string, releases: ReleaseInfo[]) {
  const survey: Survey = {
    ...{ hostname: name, user: "deploy", uid: 1000, node: "20.0.0", agent: "a", freeBytes: 1, freeInodes: 1 },
    ...{ supervisor: { url: "unix:///s", version: "4.2.5", pid: 1, uid: 0 }, programs: [], warnings: [] },
    ...{ current, releases },
  };
  return { host: name, survey };
}

const both = [release("v1", "good", 1), release("v2", "good", 2), release("v3", "good", 3)];

test("the release proved last before the current one", () => {
  assert.deepEqual(commonRollbackTarget([host("a", "v3", both)], undefined), { kind: "tag", tag: "v2" });
});

test("all hosts go to the same release: the newest that is good on every one of them", () => {
  const lacking = [release("v1", "good", 1), release("v2", "bad", 2), release("v3", "good", 3)];
  const choice = commonRollbackTarget([host("a", "v3", both), host("b", "v3", lacking)], undefined);
  assert.deepEqual(choice, { kind: "tag", tag: "v1" });
});

test("a host that is back on the release already stays there, and the others join it", () => {
  const reverted = [release("v1", "good", 1), release("v2", "good", 2), release("v3", "bad", -1)];
  const choice = commonRollbackTarget([host("a", "v3", both), host("b", "v2", reverted)], undefined);
  assert.deepEqual(choice, { kind: "tag", tag: "v2" });
});

test("no host goes forward by a rollback", () => {
  const choice = commonRollbackTarget([host("a", "v3", both), host("b", "v1", both)], undefined);
  assert.deepEqual(choice, { kind: "tag", tag: "v1" });
});

test("the order is the ledger's, whatever the clocks said", () => {
  const stepped = [
    { ...release("v1", "good", 1), at: "2027-01-01T00:00:00.000Z" },
    { ...release("v2", "good", 2), at: "2026-01-01T00:00:00.000Z" },
    release("v3", "good", 3),
  ];
  assert.deepEqual(commonRollbackTarget([host("a", "v3", stepped)], undefined), { kind: "tag", tag: "v2" });
});

test("withdrawn, bad and absent releases are not taken by themselves", () => {
  const releases = [
    release("v1", "withdrawn", 1),
    release("v2", "bad", 2),
    release("v0", "good", 0, false),
    release("v3", "good", 3),
  ];
  const choice = commonRollbackTarget([host("a", "v3", releases)], undefined);
  assert.equal(choice.kind, "refused");
});

test("where the hosts have none in common, each is told with what it would go back to", () => {
  const other = [release("v0", "good", 0), release("v3", "good", 3)];
  const none = [release("v3", "good", 3)];
  const surveys = [host("a", "v3", both), host("b", "v3", other), host("c", "v3", none)];
  const hosts = [
    { host: "a", tag: "v2" },
    { host: "b", tag: "v0" },
    { host: "c", tag: undefined },
  ];
  assert.deepEqual(commonRollbackTarget(surveys, undefined), {
    kind: "refused",
    failure: { kind: "no-common-release", hosts },
  });
});

test("--to takes any release that is there on all hosts", () => {
  const releases = [release("v1", "withdrawn", 1), release("v3", "good", 3)];
  assert.deepEqual(commonRollbackTarget([host("a", "v3", releases)], "v1"), { kind: "tag", tag: "v1" });
});

test("--to names all hosts that do not have the release", () => {
  const lacking = [release("v3", "good", 3)];
  const choice = commonRollbackTarget(
    [host("a", "v3", both), host("b", "v3", lacking), host("c", "v3", lacking)],
    "v1",
  );
  assert.deepEqual(choice, {
    kind: "refused",
    failure: { kind: "agent", host: "b, c", failure: { reason: "release-missing", tag: "v1" } },
  });
});

test("a release that the ledger calls bad is warned of on the hosts where it failed, and is still the one that is taken", () => {
  const failed = [release("v1", "good", 1), release("v2", "bad", 2), release("v3", "good", 3)];
  const surveys = [host("a", "v3", both), host("b", "v3", failed)];
  assert.deepEqual(commonRollbackTarget(surveys, "v2"), { kind: "tag", tag: "v2" });
  const doubts = doubtsAbout(surveys, "v2");
  assert.deepEqual(
    doubts.map(({ host: name }) => name),
    ["b"],
  );
  assert.match(doubts[0]?.text ?? "", /^the ledger calls v2 bad: .*tried all the same/);
  assert.deepEqual(doubtsAbout(surveys, "v1"), []);
});

test("a folder that somebody has put beside the releases, under a name that no release has, is no release", () => {
  const releases = [...both, release("hand made", "unknown", -1)];
  assert.deepEqual(commonRollbackTarget([host("a", "v3", releases)], "hand made"), {
    kind: "refused",
    failure: { kind: "agent", host: "a", failure: { reason: "release-missing", tag: "hand made" } },
  });
});
