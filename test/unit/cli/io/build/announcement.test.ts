import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ManifestEntry } from "../../../../../agent/wire/release.ts";
import { Announcement } from "../../../../../cli/io/build/announcement.ts";

const file = (at: number): ManifestEntry => ({
  ...{ type: "file", path: `f${String(at).padStart(6, "0")}`, mode: 0o644, size: 1, sha256: "a".repeat(64) },
});
const FOLDER: ManifestEntry = { type: "dir", path: "a", mode: 0o755 };

interface Line {
  readonly verb: string;
  readonly entries: readonly ManifestEntry[];
}

function follow(announcement: Announcement): Line[] {
  const lines: Line[] = [];
  announcement.follow((line) => {
    lines.push(line as Line);
    return JSON.stringify(line).length;
  });
  return lines;
}

describe("the list of a build's files, told while the build is read", () => {
  test("is told in lines of some hundred, whole and in its order", () => {
    const announcement = new Announcement();
    const lines = follow(announcement);
    const entries = [FOLDER, ...Array.from({ length: 2_600 }, (_, at) => file(at))];
    for (const entry of entries) announcement.add(entry, entry.type === "file");
    const toldBeforeTheEnd = lines.length;
    announcement.end();
    assert.ok(announcement.isComplete);
    assert.ok(toldBeforeTheEnd > 5 && lines.length > toldBeforeTheEnd, `${toldBeforeTheEnd} of ${lines.length}`);
    assert.deepEqual(new Set(lines.map(({ verb }) => verb)), new Set(["entries"]));
    assert.deepEqual(
      lines.flatMap((line) => line.entries),
      entries,
    );
  });

  test("is told whole to whoever comes late", () => {
    const announcement = new Announcement();
    const entries = Array.from({ length: 1_300 }, (_, at) => file(at));
    for (const entry of entries) announcement.add(entry, true);
    const lines = follow(announcement);
    const toldAtOnce = lines.length;
    announcement.end();
    assert.ok(toldAtOnce > 0);
    assert.deepEqual(
      lines.flatMap((line) => line.entries),
      entries,
    );
  });

  test("is not told of a build that was deployed before, however large, nor of a small one", () => {
    const known = new Announcement();
    const toldOfKnown = follow(known);
    for (let at = 0; at < 20_000; at++) known.add(file(at), at < 500);
    known.end();
    const small = new Announcement();
    const toldOfSmall = follow(small);
    for (let at = 0; at < 500; at++) small.add(file(at), true);
    small.end();
    assert.deepEqual([toldOfKnown, known.isComplete, toldOfSmall, small.isComplete], [[], false, [], false]);
  });

  test("is given up where it gets longer than a host takes, and then not called complete", () => {
    for (const isLate of [false, true]) {
      const announcement = new Announcement();
      let told = 0;
      const begin = () =>
        announcement.follow(() => {
          told += 1;
          return 20 * 1024 * 1024;
        });
      if (!isLate) begin();
      for (let at = 0; at < 2_000; at++) announcement.add(file(at), true);
      if (isLate) begin();
      announcement.end();
      assert.deepEqual([told, announcement.isComplete], [2, false]);
    }
  });
});
