/** A host in one word: `deploy@web1:2222`, `[fe80::1]:22`, `local`. */
import { type Checked, complain } from "./checked.ts";

export interface HostAddress {
  readonly user?: string;
  /** A name or an IP address, without brackets. */
  readonly address: string;
  readonly port?: number;
}

export function parseHostAddress(text: string): Checked<HostAddress> {
  if (text === "") return complain("is empty");
  if (/^ssh:\/\//i.test(text)) {
    return complain("is a URL", `did you mean "${text.slice(6).replace(/\/.*$/, "")}"?`);
  }
  const at = text.lastIndexOf("@");
  const user = at < 0 ? undefined : checkSshUser(text.slice(0, at));
  if (user !== undefined && "problem" in user) return user;
  const parts = splitPort(text.slice(at + 1));
  if (parts === undefined) return complain('is no address such as "deploy@web1:2222" or "[fd00::1]:22"');
  const address = checkAddress(parts.address);
  if ("problem" in address) return address;
  const port = parts.port === undefined ? undefined : checkPort(parts.port);
  if (port !== undefined && "problem" in port) return port;
  return { ok: { address: address.ok, ...(user && { user: user.ok }), ...(port && { port: port.ok }) } };
}

/** Whoever logs in; wider than a program's user, since directory services allow `name@domain` and `DOMAIN\name`. */
export function checkSshUser(text: string): Checked<string> {
  if (text === "") return complain("has an empty user");
  return /^[A-Za-z0-9_][A-Za-z0-9._@+\\-]*\$?$/.test(text) ? { ok: text } : complain("holds no valid user name");
}

/** A host name, an IPv4 address, or an IPv6 address without brackets. */
export function checkAddress(text: string): Checked<string> {
  if (text === "") return complain("has no host name");
  if (isIpv6(text)) return { ok: text };
  if (/[^\x20-\x7e]/.test(text))
    return complain("holds a character outside ASCII", "write an international name as xn--…");
  const isName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/.test(text) && text.length <= 253;
  return isName ? { ok: text } : complain("is no host name or IP address");
}

function checkPort(text: string): Checked<number> {
  const port = Number(text);
  const isPort = /^\d{1,5}$/.test(text) && port >= 1 && port <= 65535;
  return isPort ? { ok: port } : complain(`has a port that is no number from 1 to 65535`);
}

function splitPort(text: string): { address: string; port?: string } | undefined {
  const [, bracketed, behind] = /^\[([^\]]*)\](?::(.*))?$/s.exec(text) ?? [];
  if (bracketed !== undefined) {
    if (!isIpv6(bracketed)) return undefined;
    return behind === undefined ? { address: bracketed } : { address: bracketed, port: behind };
  }
  if (isIpv6(text)) return { address: text };
  const [address = "", port, ...more] = text.split(":");
  if (more.length > 0) return undefined;
  return port === undefined ? { address } : { address, port };
}

/** With a zone (`fe80::1%eth0`) too, which URLs do not take. */
function isIpv6(text: string): boolean {
  const [address = "", zone, ...more] = text.split("%");
  if (more.length > 0 || (zone !== undefined && !/^[A-Za-z0-9._-]+$/.test(zone))) return false;
  return /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(address) && URL.canParse(`http://[${address}]/`);
}
