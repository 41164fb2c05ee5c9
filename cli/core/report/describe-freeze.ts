/** What `zdr lock` has set, in words: for those who set it, and for those who come upon it. */
import type { Freeze, FreezeResult } from "../../../agent/wire/freeze.ts";
import { formatActor, formatInstant } from "./describe.ts";
import { type Column, renderTable } from "./table.ts";

/** One row for each host; empty where there is none. */
export function describeFreezes(
  hosts: readonly { readonly host: string; readonly freeze: Freeze }[],
  state = "is locked",
): string {
  const columns: Column[] = [
    ...[{ title: "host" }, { title: "" }, { title: "since" }, { title: "until" }],
    ...[{ title: "by" }, { title: "why" }],
  ];
  const rows = hosts.map(({ host, freeze: { since, until, by, why } }) => [
    ...[host, state, formatInstant(since)],
    ...[until === undefined ? "zdr unlock" : formatInstant(until), formatActor(by), why],
  ]);
  return renderTable(columns, rows);
}

/** `locked by ann@laptop since 2026-11-20 10:39:12Z until 2026-11-30 07:00:00Z: freeze until Monday`. */
export function describeFreeze({ by, since, until, why }: Freeze): string {
  const end = until === undefined ? "until somebody unlocks it" : `until ${formatInstant(until)}`;
  return `locked by ${formatActor(by)} since ${formatInstant(since)} ${end}: ${why}`;
}

export function describeHolder({ by, why, since }: NonNullable<FreezeResult["atWork"]>): string {
  return `${formatActor(by)} is at work since ${formatInstant(since)} (${why}), and goes on to the end`;
}
