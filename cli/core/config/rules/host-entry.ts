/** An entry of `hosts:`, from one word or from its parts. */
import { type Checked, complain } from "./checked.ts";
import { checkAddress, parseHostAddress } from "./host-address.ts";
import { expandRanges } from "./host-range.ts";
import { checkName } from "./names.ts";

/** This machine, without SSH. */
export const LOCAL = "local";

/** A machine to log in to: a host, or one on the way to it. */
export interface Login {
  /** A host name, an IP address, or an alias of the operator's SSH configuration. */
  readonly address: string;
  /** Absent: what the SSH configuration says, or whoever runs zdr. */
  readonly user?: string | undefined;
  /** Absent: what the SSH configuration says, or 22. */
  readonly port?: number | undefined;
  /** Private key files, in the order to try them; none: what the SSH configuration says, or the usual ones. */
  readonly keys: readonly string[];
  /** Pinned keys (`ssh-ed25519 AAAA…`) or fingerprints (`SHA256:…`); none: known_hosts decides. */
  readonly hostKeys: readonly string[];
}

/** What a host is chosen by. */
interface Groups {
  readonly roles: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A host as deploy.yml means it; what it leaves out comes from `ssh:` and `node:`. */
export type Host = Groups &
  (
    | { readonly kind: "local"; readonly name: string; readonly node?: string | undefined }
    | (Login & {
        readonly kind: "ssh";
        readonly name: string;
        /** Empty: none, whatever the SSH configuration says. */
        readonly jump?: readonly Login[] | undefined;
        readonly transport?: "builtin" | "openssh" | undefined;
        readonly node?: string | undefined;
      })
  );

const NO_GROUPS: Groups = { roles: [], labels: {} };

/** One word, which may stand for many hosts by its ranges. */
export function hostsOfWord(text: string): Checked<readonly Host[]> {
  if (text === LOCAL) return { ok: [{ kind: "local", name: LOCAL, ...NO_GROUPS }] };
  return eachOf(expandRanges(text), (word) => {
    const parsed = parseHostAddress(word);
    if ("problem" in parsed) return parsed;
    return {
      ok: { kind: "ssh", name: parsed.ok.address, ...parsed.ok, keys: [], hostKeys: [], ...NO_GROUPS },
    };
  });
}

interface LoginParts {
  readonly address?: string | undefined;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly key: readonly string[];
  readonly host_key: readonly string[];
}

interface HostParts extends LoginParts {
  readonly name?: string | undefined;
  readonly roles: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly jump?: readonly Login[] | undefined;
  readonly transport?: "builtin" | "openssh" | undefined;
  readonly node?: string | undefined;
}

export function jumpOfWord(text: string): Checked<Login> {
  const parsed = parseHostAddress(text);
  return "problem" in parsed ? parsed : { ok: { ...parsed.ok, keys: [], hostKeys: [] } };
}

export function jumpOfParts({ address, user, port, key, host_key }: LoginParts): Checked<Login> {
  if (address === undefined) return complain("has no address");
  const checked = checkAddress(address);
  if ("problem" in checked) return { ...checked, at: ["address"] };
  return { ok: { address, user, port, keys: key, hostKeys: host_key } };
}

/** Ranges in the name and in the address go together, one after the other. */
export function hostsOfParts(parts: HostParts): Checked<readonly Host[]> {
  const names = parts.name === undefined ? undefined : expandRanges(parts.name);
  if (names !== undefined && "problem" in names) return { ...names, at: ["name"] };
  const addresses = parts.address === undefined ? undefined : expandRanges(parts.address);
  if (addresses !== undefined && "problem" in addresses) return { ...addresses, at: ["address"] };
  const count = Math.max(names?.ok.length ?? 1, addresses?.ok.length ?? 1);
  if (names !== undefined && names.ok.length !== count) {
    return { ...complain(`is one name for ${count} addresses`, "give it the same range"), at: ["name"] };
  }
  if (addresses !== undefined && addresses.ok.length !== count) {
    return { ...complain(`is one address for ${count} names`, "give it the same range"), at: ["address"] };
  }
  return eachOf({ ok: Array.from({ length: count }, (_, at) => at) }, (at) =>
    hostOfParts({ ...parts, name: names?.ok[at], address: addresses?.ok[at] }),
  );
}

function eachOf<Item>(items: Checked<readonly Item[]>, read: (item: Item) => Checked<Host>): Checked<readonly Host[]> {
  if ("problem" in items) return items;
  const hosts: Host[] = [];
  for (const item of items.ok) {
    const host = read(item);
    if ("problem" in host) return host;
    hosts.push(host.ok);
  }
  return { ok: hosts };
}

function hostOfParts(parts: HostParts): Checked<Host> {
  const { name, address = name, user, port, key, host_key, jump, transport, node, roles, labels } = parts;
  const groups = { roles, labels };
  if (address === undefined) return complain("has neither a name nor an address");
  if (name !== undefined) {
    const checked = checkName(name);
    if ("problem" in checked) return { ...checked, at: ["name"] };
  }
  if (address === LOCAL) {
    const [unused] =
      Object.entries({ user, port, key: key[0], host_key: host_key[0], jump, transport }).find(
        ([, value]) => value !== undefined,
      ) ?? [];
    if (unused !== undefined)
      return { ...complain("is not used for this machine, which is reached without SSH"), at: [unused] };
    return { ok: { kind: "local", name: name ?? LOCAL, node, ...groups } };
  }
  const checked = checkAddress(address);
  if ("problem" in checked) return { ...checked, at: [parts.address === undefined ? "name" : "address"] };
  return {
    ok: {
      ...{ kind: "ssh", name: name ?? address, address, user, port, keys: key, hostKeys: host_key },
      ...{ jump, transport, node, ...groups },
    },
  };
}
