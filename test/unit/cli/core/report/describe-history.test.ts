import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEntry } from "../../../../../agent/wire/history.ts";
import { describeHistory } from "../../../../../cli/core/report/describe-history.ts";

const KEPT: HistoryEntry = {
  ...{ tag: "v1.2", what: "deploy", ended: "kept", at: "2026-11-20T10:39:12.345Z", from: "v1.1" },
  by: { user: "ann", host: "laptop", run: "https://ci/1", command: "3f2a91c0" },
  phases: { receive: 540, preflight: 60, ready: 62, watch: 11_338 },
  spans: [],
  ...{ proof: "processes", evidence: [], programs: [] },
};
const one = (entry: HistoryEntry) => describeHistory([{ host: "web1", history: [entry], more: 0 }]);

test("a row says when, what, from where, how it ended, how long it took, the proof, by whom, in which run, and its ID", () => {
  assert.equal(
    one(KEPT),
    "when                  what    release  from  ended  took  proof      by          run           ID\n" +
      "2026-11-20 10:39:12Z  deploy  v1.2     v1.1  kept   12 s  processes  ann@laptop  https://ci/1  3f2a91c0\n",
  );
});

test("a revert says to what and why, a recovery by whom", () => {
  assert.match(
    one({ ...KEPT, ended: "reverted", to: "v1.1", reason: "unhealthy" }),
    / reverted to v1\.1 \(unhealthy\) /,
  );
  assert.match(one({ ...KEPT, ended: "reverted", reason: "crashed" }), / reverted to nothing \(crashed\) /);
  const recoveredBy = { user: "bob", host: "ci" };
  assert.match(one({ ...KEPT, recoveredBy }), / kept, by bob@ci after its agent had died /);
});

test("what is not over has taken no time yet", () => {
  assert.doesNotMatch(one({ ...KEPT, ended: "interrupted" }), /12 s/);
});

test("hosts are named where there is more than one, and what is left out is counted", () => {
  const hosts = ["web1", "web2"].map((host) => ({ host, history: [KEPT], more: host === "web1" ? 3 : 0 }));
  const text = describeHistory(hosts);
  assert.match(text, /^host .*\nweb1 .*\nweb2 .*\n3 more: zdr history -n 0\n$/);
});

test("of a host on which nothing was done there is nothing to tell", () => {
  assert.equal(describeHistory([{ host: "web1", history: [], more: 0 }]), "");
});
