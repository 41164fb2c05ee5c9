/** An entry of `hosts:`, from one word or from its parts. */
import { type Checked, complain } from "./checked.ts";
import { checkAddress, parseHostAddress } from "./host-address.ts";

/** This machine, without SSH. */
export const LOCAL = "local";

/** A host on the way to others. */
export interface JumpHost {
  readonly address: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly keys: readonly string[];
  readonly hostKeys: readonly string[];
}

/** A host as deploy.yml means it; what it leaves out comes from `ssh:` and `node:`. */
export type Host =
  | { readonly kind: "local"; readonly name: string; readonly node?: string | undefined }
  | (JumpHost & {
      readonly kind: "ssh";
      readonly name: string;
      /** Empty: none, whatever the SSH configuration says. */
      readonly jump?: readonly JumpHost[] | undefined;
      readonly transport?: "builtin" | "openssh" | undefined;
      readonly node?: string | undefined;
    });

export function hostOfWord(text: string): Checked<Host> {
  if (text === LOCAL) return { ok: { kind: "local", name: LOCAL } };
  const parsed = parseHostAddress(text);
  if ("problem" in parsed) return parsed;
  return { ok: { kind: "ssh", name: parsed.ok.address, ...parsed.ok, keys: [], hostKeys: [] } };
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
  readonly jump?: readonly JumpHost[] | undefined;
  readonly transport?: "builtin" | "openssh" | undefined;
  readonly node?: string | undefined;
}

export function jumpOfWord(text: string): Checked<JumpHost> {
  const parsed = parseHostAddress(text);
  return "problem" in parsed ? parsed : { ok: { ...parsed.ok, keys: [], hostKeys: [] } };
}

export function jumpOfParts({ address, user, port, key, host_key }: LoginParts): Checked<JumpHost> {
  if (address === undefined) return complain("has no address");
  const checked = checkAddress(address);
  if ("problem" in checked) return { ...checked, at: ["address"] };
  return { ok: { address, user, port, keys: key, hostKeys: host_key } };
}

export function hostOfParts(parts: HostParts): Checked<Host> {
  const { name, address = name, user, port, key, host_key, jump, transport, node } = parts;
  if (address === undefined) return complain("has neither a name nor an address");
  if (address === LOCAL) {
    const [unused] =
      Object.entries({ user, port, key: key[0], host_key: host_key[0], jump, transport }).find(
        ([, value]) => value !== undefined,
      ) ?? [];
    if (unused !== undefined)
      return { ...complain("is not used for this machine, which is reached without SSH"), at: [unused] };
    return { ok: { kind: "local", name: name ?? LOCAL, node } };
  }
  const checked = checkAddress(address);
  if ("problem" in checked) return { ...checked, at: [parts.address === undefined ? "name" : "address"] };
  return {
    ok: {
      ...{ kind: "ssh", name: name ?? address, address, user, port, keys: key, hostKeys: host_key },
      ...{ jump, transport, node },
    },
  };
}
