import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEntry } from "../../../../../agent/wire/history.ts";
import { chooseDeploy } from "../../../../../cli/core/page/choose.ts";
import { entryOf } from "./sample.ts";

const at = (minute: number) => `2026-11-20T10:0${minute}:00.000Z`;
const deploy = (tag: string, command: string | undefined, minute: number, more: Partial<HistoryEntry> = {}) =>
  entryOf({
    tag,
    at: at(minute),
    by: { user: "ann", host: "ci", ...(command === undefined ? {} : { command }) },
    ...more,
  });
const staged = (tag: string, command: string, minute: number) =>
  deploy(tag, command, minute, { what: "stage", ended: "staged" });

const HISTORIES = [
  { host: "web1", history: [deploy("v2", "bbbb2222", 2), deploy("v1", "aaaa1111", 1)] },
  { host: "web2", history: [deploy("v1", "aaaa1111", 1)] },
];

/** Of each host the tags. */
function chosen(wanted: string | undefined, histories: Parameters<typeof chooseDeploy>[0] = HISTORIES) {
  const choice = chooseDeploy(histories, wanted);
  if (choice.kind === "refused") throw new Error(JSON.stringify(choice.failure));
  return choice.hosts.map(({ host, entries }) => [host, ...entries.map(({ tag, what }) => `${what} ${tag}`)]);
}

test("without a name it is the last deploy of all hosts, and a host that took no part is told", () => {
  assert.deepEqual(chosen(undefined), [["web1", "deploy v2"], ["web2"]]);
});

test("a deploy is named by its ID, by the beginning of it, or by its release", () => {
  for (const wanted of ["aaaa1111", "aaaa", "v1"]) {
    assert.deepEqual(chosen(wanted), [
      ["web1", "deploy v1"],
      ["web2", "deploy v1"],
    ]);
  }
});

test("a host that was taken back by the same command tells both, the deploy first", () => {
  const back = deploy("v1", "cccc3333", 4, { what: "rollback" });
  const histories = [{ host: "web1", history: [back, deploy("v3", "cccc3333", 3)] }];
  assert.deepEqual(chosen(undefined, histories), [["web1", "deploy v3", "rollback v1"]]);
});

test("a host on which the release was only staged says so, and no deploy was only that", () => {
  const histories = [
    { host: "web1", history: [staged("v9", "eeee", 5), deploy("v3", "dddd", 3)] },
    { host: "web2", history: [staged("v3", "dddd", 3)] },
  ];
  assert.deepEqual(chosen(undefined, histories), [
    ["web1", "deploy v3"],
    ["web2", "stage v3"],
  ]);
});

test("deploys of a zdr that gave them no ID are found by their release, on each host the last one", () => {
  const old = [deploy("v2", undefined, 2), deploy("v1", undefined, 1), deploy("v1", undefined, 0)];
  const histories = [
    { host: "web1", history: old },
    { host: "web2", history: old.slice(1) },
  ];
  assert.deepEqual(chosen(undefined, histories), [["web1", "deploy v2"], ["web2"]]);
  assert.deepEqual(chosen("v1", histories), [
    ["web1", "deploy v1"],
    ["web2", "deploy v1"],
  ]);
});

test("one that there is not is refused with those that there are", () => {
  const choice = chooseDeploy(HISTORIES, "v7");
  assert.deepEqual(choice, {
    kind: "refused",
    failure: {
      kind: "usage",
      problem: 'there is no deploy "v7" on these hosts',
      hint: "the last ones: bbbb2222 (v2, 2026-11-20 10:02:00Z); aaaa1111 (v1, 2026-11-20 10:01:00Z)",
    },
  });
});

test("a beginning that several have is refused, and so is a word too short for one", () => {
  const histories = [{ host: "web1", history: [deploy("v2", "aaaa2222", 2), deploy("v1", "aaaa1111", 1)] }];
  assert.match(JSON.stringify(chooseDeploy(histories, "aaaa")), /begins 2 IDs.*aaaa2222, aaaa1111/);
  assert.match(JSON.stringify(chooseDeploy(histories, "aaa")), /there is no deploy/);
});

test("where nothing was deployed yet there is nothing to report", () => {
  assert.match(JSON.stringify(chooseDeploy([{ host: "web1", history: [] }], undefined)), /nothing has been deployed/);
});
