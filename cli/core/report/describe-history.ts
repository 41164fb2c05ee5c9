/** The table of `zdr history`. */
import type { HistoryEntry } from "../../../agent/wire/history.ts";
import { formatActor, formatInstant } from "./describe.ts";
import { type Column, renderTable } from "./table.ts";
import { formatMs } from "./units.ts";

const COLUMNS: readonly Column[] = [
  { title: "host" },
  { title: "when" },
  { title: "what" },
  { title: "release" },
  { title: "from" },
  { title: "ended" },
  { title: "took", align: "right" },
  { title: "proof" },
  { title: "by" },
  { title: "run" },
  { title: "ID" },
];

interface HostHistory {
  readonly host: string;
  readonly history: readonly HistoryEntry[];
  /** How many older ones there are. */
  readonly more: number;
}

/** Newest first, host by host. With one host its name is left out. */
export function describeHistory(hosts: readonly HostHistory[], maxWidth?: number): string {
  const rows = hosts.flatMap(({ host, history }) =>
    history.map((entry) => [hosts.length > 1 ? host : "", ...cellsOf(entry)]),
  );
  const more = Math.max(0, ...hosts.map((one) => one.more));
  const rest = more === 0 ? "" : `${more} more: zdr history -n 0\n`;
  return `${renderTable(COLUMNS, rows, maxWidth)}${rest}`;
}

function cellsOf(entry: HistoryEntry): string[] {
  const { at, what, tag, from, by, proof = "" } = entry;
  const took = Object.values(entry.phases).reduce((sum, ms) => sum + ms, 0);
  const isOver = entry.ended !== "under way" && entry.ended !== "interrupted";
  return [
    ...[formatInstant(at), what, tag, from ?? (what === "stage" ? "" : "none"), endedWords(entry)],
    ...[isOver && took > 0 ? formatMs(took) : "", proof],
    ...(by === undefined
      ? ["", "", ""]
      : [formatActor({ user: by.user, host: by.host }), by.run ?? "", by.command ?? ""]),
  ];
}

/** `kept`, `reverted to v1 (unhealthy)`, `reverted to nothing (crashed), by bob@ci after its agent had died`. */
function endedWords({ ended, to, reason, recoveredBy }: HistoryEntry): string {
  const where = ended === "reverted" ? ` to ${to ?? "nothing"}` : "";
  const why = reason === undefined || ended === "kept" ? "" : ` (${reason})`;
  const who = recoveredBy === undefined ? "" : `, by ${formatActor(recoveredBy)} after its agent had died`;
  return `${ended}${where}${why}${who}`;
}
