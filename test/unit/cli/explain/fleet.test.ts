import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostState } from "../../../../cli/core/report/state-line.ts";
import { describePassedOver, type FleetGoal, hintsOnDifference } from "../../../../cli/explain/fleet.ts";

const DEPLOY: FleetGoal = { tag: "v2", why: "deploy", isPlanned: false, given: {} };
const ROLLBACK: FleetGoal = { tag: "v1", why: "rollback", isPlanned: false, given: {} };

const took = (tag: string, previous?: string) => ({
  ...{ name: "web1", backFailure: undefined },
  state: { kind: "serves", tag } as const,
  activation: { outcome: "kept", ...(previous === undefined ? {} : { previous }) } as const,
});
const has = (state: HostState) => ({ name: "web2", backFailure: undefined, state, activation: undefined });

test("a rollback that some hosts did not take goes on, and back, by the names of the releases", () => {
  const hosts = [took("v1", "v2"), has({ kind: "reverted", current: "v2" })];
  assert.deepEqual(hintsOnDifference(ROLLBACK, hosts), [
    "go on with the hosts that do not serve v1: zdr rollback --to v1; or take the others back: zdr rollback --to v2",
  ]);
});

test("what is to be typed has the flags that chose the config and the hosts", () => {
  const given = {
    ...{ config: "ops/my deploy.yml", environment: "staging", host: ["web*", "db1"] },
    ...{ role: ["web"], label: ["zone=a"], except: ["web9"], tag: "v1", wait: "5m" },
  };
  const flags = "-c 'ops/my deploy.yml' -e staging --host 'web*' db1 --role web --label zone=a --except web9";
  const hosts = [took("v1", "v2"), has({ kind: "reverted", current: "v2" })];
  assert.deepEqual(hintsOnDifference({ ...ROLLBACK, given }, hosts), [
    `go on with the hosts that do not serve v1: zdr rollback --to v1 ${flags}; or take the others back: zdr rollback --to v2 ${flags}`,
  ]);
  const [planned] = hintsOnDifference({ ...DEPLOY, isPlanned: true, given: { role: ["web"] } }, [
    took("v2", "v1"),
    has({ kind: "reverted", current: "v1" }),
  ]);
  assert.match(planned ?? "", /: zdr plan --tag v2 --role web; .*: zdr rollback --to v1 --role web$/);
});

test("a deploy that some hosts did not take goes on by the same command, and back to what the others serve", () => {
  const hosts = [took("v2", "v1"), has({ kind: "reverted", current: "v1" })];
  const held = has({ kind: "staged", tag: "v2", current: "v1" });
  assert.deepEqual(hintsOnDifference(DEPLOY, [...hosts, held]), [
    "the same command again goes on with the hosts that do not serve v2; or take the others back: zdr rollback --to v1",
  ]);
});

test("a deploy that was held to a plan goes on by a new one", () => {
  const [told] = hintsOnDifference({ ...DEPLOY, isPlanned: true }, [
    took("v2", "v1"),
    has({ kind: "reverted", current: "v1" }),
  ]);
  assert.match(told ?? "", /^go on with the hosts that do not serve v2 by a new plan: zdr plan --tag v2; or /);
});

test("no way back is named where the hosts had no release in common, or none at all", () => {
  const onward = ["the same command again goes on with the hosts that do not serve v2"];
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2"), has({ kind: "reverted" })]), onward);
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2"), has({ kind: "reverted", current: "v1" })]), onward);
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2", "v0"), has({ kind: "reverted", current: "v1" })]), onward);
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2", "v1"), has({ kind: "untouched" })]), onward);
});

test("a host that had the release already goes back with the others", () => {
  const name = "web1";
  const had = {
    name,
    backFailure: undefined,
    state: { kind: "serves", tag: "v2" },
    activation: { outcome: "unchanged" },
  } as const;
  const [told] = hintsOnDifference(DEPLOY, [had, has({ kind: "reverted", current: "v1" })]);
  assert.match(told ?? "", /zdr rollback --to v1$/);
});

test("nothing is told where all hosts are alike, or one of them wants a look first", () => {
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2", "v1"), took("v2", "v1")]), []);
  assert.deepEqual(hintsOnDifference(DEPLOY, [has({ kind: "reverted", current: "v1" })]), []);
  assert.deepEqual(hintsOnDifference(DEPLOY, [took("v2", "v1"), has({ kind: "stuck" })]), []);
});

test("hosts that could not go back are taken back when that is mended, each to what it had", () => {
  const stays = (name: string, previous: string) => ({ ...took("v2", previous), name, backFailure: {} });
  const hosts = [
    stays("web1", "v1"),
    stays("web3", "v0"),
    stays("web4", "v1"),
    has({ kind: "reverted", current: "v1" }),
  ];
  const given = { config: "ops.yml", environment: "staging", role: ["web"] };
  assert.deepEqual(hintsOnDifference({ ...DEPLOY, given }, hosts), [
    "when that is mended, take web1, web4 back: zdr rollback --to v1 -c ops.yml -e staging --host web1 web4",
    "when that is mended, take web3 back: zdr rollback --to v0 -c ops.yml -e staging --host web3",
  ]);
});

test("hosts that were passed over are told with what takes the release there", () => {
  const given = { environment: "staging" };
  assert.equal(
    describePassedOver({ ...ROLLBACK, given }, ["web2", "web4"]),
    "passed over: web2, web4; once reachable: go on with web2, web4: zdr rollback --to v1 -e staging",
  );
  assert.equal(
    describePassedOver({ ...DEPLOY, isPlanned: true, given }, ["web2"]),
    "passed over: web2; once reachable: go on with web2 by a new plan: zdr plan --tag v2 -e staging",
  );
});
