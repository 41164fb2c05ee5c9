import assert from "node:assert/strict";
import { test } from "node:test";
import type { VerifiedRelease } from "../../../../../agent/wire/verify.ts";
import { damageOf, describeVerified } from "../../../../../cli/core/report/describe-verified.ts";

const SOUND: VerifiedRelease = {
  ...{ tag: "v1.2", isCurrent: true, verdict: "good", hasManifest: true },
  ...{ files: 312, bytes: 34_000_000, differences: [], more: 0 },
};
const DAMAGED: VerifiedRelease = {
  ...{ ...SOUND, tag: "v1.1", isCurrent: false },
  differences: [
    { path: "bin/shop", how: "content" },
    { path: "config", how: "mode", was: "0644", is: "0666" },
    { path: "bin/x", how: "added", is: "link" },
    { path: "README", how: "removed" },
  ],
};
const tell = (...releases: VerifiedRelease[]) => describeVerified([{ host: "web1", releases }]);

test("each release says how many files were compared and what was found, each difference what it is", () => {
  assert.equal(
    tell(SOUND, DAMAGED),
    "host     release  became  files     size  found\n" +
      "web1  *  v1.2     good      312  34.0 MB  as published\n" +
      "web1     v1.1     good      312  34.0 MB  2 changed, 1 added, 1 removed\n" +
      "\n" +
      "host  release  path      is\n" +
      "web1  v1.1     bin/shop  changed\n" +
      "web1  v1.1     config    changed: mode 0666, was 0644\n" +
      "web1  v1.1     bin/x     added: a link\n" +
      "web1  v1.1     README    removed\n",
  );
});

test("the failure names the first difference and counts the others", () => {
  assert.equal(damageOf(SOUND), undefined);
  assert.deepEqual(damageOf(DAMAGED), { reason: "release-damaged", tag: "v1.1", path: "bin/shop", more: 3 });
});

test("differences that are too many to list are counted", () => {
  assert.match(tell({ ...DAMAGED, more: 17 }), /17 more\n[\s\S]*and 17 more/);
});

test("Python's caches are told and are no damage", () => {
  const cached: VerifiedRelease = { ...SOUND, differences: [{ path: "app/__pycache__", how: "cached" }] };
  assert.equal(damageOf(cached), undefined);
  assert.match(tell(cached), /as published\n[\s\S]*Python's cache/);
});

test("a folder that zdr did not put there is no damage; a release whose manifest is gone is", () => {
  const foreign: VerifiedRelease = { ...SOUND, verdict: "unknown", hasManifest: false };
  assert.equal(damageOf(foreign), undefined);
  assert.match(tell(foreign), /not put there by zdr/);
  assert.equal(damageOf({ ...foreign, verdict: "good" })?.path, "its manifest");
});
