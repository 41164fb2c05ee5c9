/** An entry of `hosts:`, from one word or from its parts. */
import { type Checked, complain } from "./checked.ts";
import { checkAddress, parseHostAddress } from "./host-address.ts";

/** This machine, without SSH. */
export const LOCAL = "local";

/** A host as deploy.yml means it; what it leaves out comes from `ssh:` and `node:`. */
export type Host =
  | { readonly kind: "local"; readonly name: string; readonly node?: string | undefined }
  | {
      readonly kind: "ssh";
      readonly name: string;
      readonly address: string;
      readonly user?: string | undefined;
      readonly port?: number | undefined;
      readonly keys: readonly string[];
      readonly hostKeys: readonly string[];
      readonly node?: string | undefined;
    };

export function hostOfWord(text: string): Checked<Host> {
  if (text === LOCAL) return { ok: { kind: "local", name: LOCAL } };
  const parsed = parseHostAddress(text);
  if ("problem" in parsed) return parsed;
  return { ok: { kind: "ssh", name: parsed.ok.address, ...parsed.ok, keys: [], hostKeys: [] } };
}

interface HostParts {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly key: readonly string[];
  readonly host_key: readonly string[];
  readonly node?: string | undefined;
}

export function hostOfParts(parts: HostParts): Checked<Host> {
  const { name, address = name, user, port, key, host_key, node } = parts;
  if (address === undefined) return complain("has neither a name nor an address");
  if (address === LOCAL) {
    const [unused] =
      Object.entries({ user, port, key: key[0], host_key: host_key[0] }).find(([, value]) => value !== undefined) ?? [];
    if (unused !== undefined)
      return { ...complain("is not used for this machine, which is reached without SSH"), at: [unused] };
    return { ok: { kind: "local", name: name ?? LOCAL, node } };
  }
  const checked = checkAddress(address);
  if ("problem" in checked) return { ...checked, at: [parts.address === undefined ? "name" : "address"] };
  return { ok: { kind: "ssh", name: name ?? address, address, user, port, keys: key, hostKeys: host_key, node } };
}
