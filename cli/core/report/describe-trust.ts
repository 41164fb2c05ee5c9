/** The table of `zdr trust`, and what may be done with it. */
import type { LinkFailure } from "../../failure.ts";
import { type Column, renderTable } from "./table.ts";
import { count } from "./units.ts";

export interface HostKeys {
  readonly host: string;
  readonly keys: readonly {
    readonly keyType: string;
    readonly fingerprint: string;
    readonly knownHostsLine: string;
    /** undefined: it is trusted. */
    readonly problem: LinkFailure | undefined;
  }[];
}

const COLUMNS: readonly Column[] = [
  { title: "host" },
  { title: "type" },
  { title: "fingerprint" },
  { title: "trusted" },
];

/** `written`: where what was not known has been appended, and how many lines of it. */
export function describeHostKeys(
  hosts: readonly HostKeys[],
  written: { readonly file: string; readonly lines: number } | undefined,
  maxWidth?: number,
  /** The known_hosts file that deploy.yml names. */
  own?: string,
): string {
  const rows = hosts.flatMap(({ host, keys }) =>
    keys.map(({ keyType, fingerprint, problem }) => [host, keyType, fingerprint, trustWords(problem)]),
  );
  return renderTable(COLUMNS, rows, maxWidth) + adviceOn(hosts, written, own);
}

function trustWords(problem: LinkFailure | undefined): string {
  switch (problem?.kind) {
    case undefined:
      return "yes";
    case "host-key-unknown":
      return "not known";
    case "host-key-changed":
      return `CHANGED, expected ${problem.expected.map(({ fingerprint, place }) => `${fingerprint} (${place})`).join(" or ")}`;
    case "host-key-revoked":
      return `REVOKED at ${problem.place}`;
    default:
      return "no";
  }
}

function adviceOn(
  hosts: readonly HostKeys[],
  written: { readonly file: string; readonly lines: number } | undefined,
  own: string | undefined,
): string {
  if (written !== undefined) {
    if (written.lines === 0) return `nothing new for ${written.file}\n`;
    return `${count(written.lines, "line")} appended to ${written.file}: compare the fingerprints with the hosts' own before you rely on it\n`;
  }
  const unknown = hosts.flatMap(({ keys }) => keys.filter(({ problem }) => problem?.kind === "host-key-unknown"));
  if (unknown.length === 0) return "";
  return [
    "",
    "Compare with the hosts' own, on their consoles: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    own === undefined
      ? "If they are the same: zdr trust --write known_hosts   (and in deploy.yml: ssh: { known_hosts: known_hosts })"
      : `If they are the same: zdr trust --write ${own}`,
    "",
  ].join("\n");
}
