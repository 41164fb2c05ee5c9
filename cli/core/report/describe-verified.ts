/** What `zdr verify` found, in tables and as a failure. */
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import type { Difference, VerifiedRelease } from "../../../agent/wire/verify.ts";
import { type Column, renderTable } from "./table.ts";
import { formatBytes } from "./units.ts";

const RELEASES: readonly Column[] = [
  { title: "host" },
  { title: "" },
  { title: "release" },
  { title: "became" },
  { title: "files", align: "right" },
  { title: "size", align: "right" },
  { title: "found" },
];

const DIFFERENCES: readonly Column[] = [{ title: "host" }, { title: "release" }, { title: "path" }, { title: "is" }];

type Damage = Extract<AgentFailure, { reason: "release-damaged" }>;

/** Two tables: the releases, and what is wrong with them. */
export function describeVerified(
  hosts: readonly { readonly host: string; readonly releases: readonly VerifiedRelease[] }[],
): string {
  const all = hosts.flatMap(({ host, releases }) => releases.map((release) => ({ host, release })));
  const rows = all.map(({ host, release }) => [
    ...[host, release.isCurrent ? "*" : "", release.tag, release.verdict],
    ...(release.hasManifest ? [String(release.files), formatBytes(release.bytes)] : ["", ""]),
    foundWords(release),
  ]);
  const differences = all.flatMap(({ host, release }) => [
    ...release.differences.map((one) => [host, release.tag, one.path, differenceWords(one)]),
    ...(release.more === 0 ? [] : [[host, release.tag, `and ${release.more} more`, ""]]),
  ]);
  const table = renderTable(RELEASES, rows);
  return differences.length === 0 ? table : `${table}\n${renderTable(DIFFERENCES, differences)}`;
}

/** Undefined: it is what was published, or was never published by zdr. */
export function damageOf({ tag, verdict, hasManifest, differences, more }: VerifiedRelease): Damage | undefined {
  // Known to the ledger, and nobody can tell any more what it should be.
  if (!hasManifest) return verdict === "unknown" ? undefined : { reason: "release-damaged", tag, path: "its manifest" };
  const [first, ...others] = differences.filter(counts);
  if (first === undefined) return undefined;
  const rest = others.length + more;
  return { reason: "release-damaged", tag, path: first.path, ...(rest === 0 ? {} : { more: rest }) };
}

function counts({ how }: Difference): boolean {
  return how !== "cached";
}

function foundWords({ hasManifest, verdict, differences, more }: VerifiedRelease): string {
  if (!hasManifest) return verdict === "unknown" ? "not put there by zdr" : "its manifest is gone";
  const wrong = differences.filter(counts);
  if (wrong.length === 0) return "as published";
  const tally = (word: string, hows: readonly Difference["how"][]) => {
    const number = wrong.filter(({ how }) => hows.includes(how)).length;
    return number === 0 ? [] : [`${number} ${word}`];
  };
  return [
    ...tally("changed", ["content", "size", "mode", "target", "type"]),
    ...tally("added", ["added"]),
    ...tally("removed", ["removed"]),
    ...tally("unreadable", ["unreadable"]),
    ...(more === 0 ? [] : [`${more} more`]),
  ].join(", ");
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  ...{ file: "a file", dir: "a folder", link: "a link", other: "a socket, fifo or device" },
};

function differenceWords({ how, was = "", is = "" }: Difference): string {
  switch (how) {
    case "content":
      return "changed";
    case "size":
      return `changed: ${is} bytes, was ${was}`;
    case "mode":
      return `changed: mode ${is}, was ${was}`;
    case "target":
      return `changed: a link to ${is}, was to ${was}`;
    case "type":
      return `changed: ${TYPE_WORDS[is] ?? is}, was ${TYPE_WORDS[was] ?? was}`;
    case "added":
      return `added: ${TYPE_WORDS[is] ?? is}`;
    case "removed":
      return "removed";
    case "unreadable":
      return "not to be read";
    case "cached":
      return "Python's cache, which counts as no difference";
  }
}
