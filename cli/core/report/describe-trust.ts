/** The table of `zdr trust`, and what may be done with it. */
import { join, relative } from "node:path";
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

/** Where what is not known is written down. */
export interface TrustFile {
  /** As a shell takes it here. */
  readonly file: string;
  /** How deploy.yml has to name it, and what is read now beside it; absent: it is read as things are. */
  readonly toName?: readonly string[] | undefined;
  /** How many have been appended; absent: it was not asked for. */
  readonly appended?: number | undefined;
}

export function describeHostKeys(hosts: readonly HostKeys[], trusted: TrustFile, maxWidth?: number): string {
  const writtenTo = trusted.appended === undefined ? undefined : trusted.file;
  const rows = hosts.flatMap(({ host, keys }) =>
    keys.map(({ keyType, fingerprint, problem }) => [host, keyType, fingerprint, trustWords(problem, writtenTo)]),
  );
  return renderTable(COLUMNS, rows, maxWidth) + adviceOn(hosts, trusted);
}

function trustWords(problem: LinkFailure | undefined, writtenTo: string | undefined): string {
  switch (problem?.kind) {
    case undefined:
      return "yes";
    case "host-key-unknown":
      return writtenTo === undefined ? "not known" : `not until now: written to ${writtenTo}`;
    case "host-key-changed":
      return `CHANGED, expected ${problem.expected.map(({ fingerprint, place }) => `${fingerprint} (${place})`).join(" or ")}`;
    case "host-key-revoked":
      return `REVOKED at ${problem.place}`;
    case "host-key-authority":
      return `only by a certificate authority (${problem.place}), which the system's ssh can check: transport: openssh`;
    default:
      return "no";
  }
}

function adviceOn(hosts: readonly HostKeys[], { file, toName, appended }: TrustFile): string {
  const setting = toName === undefined ? undefined : `in deploy.yml: ssh: { known_hosts: ${yamlOf(toName)} }`;
  const elsewhere = adviceElsewhere(file, toName);
  if (appended !== undefined) {
    if (appended === 0) return `nothing new for ${file}\n`;
    const told = `${count(appended, "line")} appended to ${file}: compare the fingerprints with the hosts' own before you rely on it\n`;
    return setting === undefined ? told : `${told}not every host is looked for in it yet; ${setting}\n${elsewhere}`;
  }
  const unknown = hosts.flatMap(({ keys }) => keys.filter(({ problem }) => problem?.kind === "host-key-unknown"));
  if (unknown.length === 0) return "";
  return [
    "",
    "Compare with the hosts' own, on their consoles: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    `If they are the same: zdr trust --write ${file}${setting === undefined ? "" : `   (and ${setting})`}`,
    elsewhere,
  ].join("\n");
}

/** What stands in somebody's home is not there for others, and deploy.yml may name nothing that is missing. */
function adviceElsewhere(file: string, [...toName]: readonly string[] = []): string {
  const homes = toName.filter((name) => name.startsWith("~/"));
  const shared = toName.filter((name) => !name.startsWith("~/"));
  if (homes.length === 0 || shared.length === 0) return "";
  const setting = `ssh: { known_hosts: ${yamlOf(shared)} }`;
  return `where ${homes.join(", ")} may be missing, as in CI: ${setting}, and then zdr trust --write ${file} for the hosts that it does not have yet\n`;
}

function yamlOf(files: readonly string[]): string {
  const words = files.map((file) => (/^[A-Za-z_./~][\w./~@+-]*$/.test(file) ? file : JSON.stringify(file)));
  return words.length === 1 ? words.join("") : `[${words.join(", ")}]`;
}

/**
 * How deploy.yml has to name a file for all hosts to be looked for in it: with those that are read now, since what it names is read
 * instead of them. undefined: they are looked for there.
 *
 * @param searched of each host the files that are read for it.
 * @param there those of them that exist: deploy.yml may name no other.
 */
export function toNameInConfig(
  file: string,
  searched: readonly (readonly string[])[],
  there: readonly string[],
  { folder, home }: { readonly folder: string; readonly home: string },
): readonly string[] | undefined {
  if (searched.every((files) => files.includes(file))) return undefined;
  const read = there.filter((one) => one !== file && searched.some((files) => files.includes(one)));
  return [...new Set([...read, file])].map((path) => asInConfig(path, folder, home));
}

/** Relative to deploy.yml's folder where it is near, as others have it too. */
function asInConfig(path: string, folder: string, home: string): string {
  const own = relative(join(home, ".ssh"), path);
  if (!own.startsWith("..")) return `~/.ssh/${own}`;
  const near = relative(folder, path);
  return near.startsWith("../..") ? path : near;
}
