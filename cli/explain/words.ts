/** What the explanations share. */
import type { SourcePlace } from "../failure.ts";

/** One failure in words. `what` names no host, so that hosts that failed alike can share a line. */
export interface Words {
  readonly what: string;
  readonly hints: readonly string[];
  /** For whoever mends zdr: the stack of a bug at the other end. */
  readonly log?: readonly string[];
  /** Where it stands in a file of the user's. */
  readonly place?: SourcePlace;
}

export function words(what: string, ...hints: readonly string[]): Words {
  return { what, hints };
}

/** One word of a POSIX shell line, quoted only where it must be. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** `a, b and c`. */
export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** `user@host:22` or `user@[::1]:22` -> its parts as ssh(1) wants them: no brackets, the port apart. */
export function splitAddress(address: string): {
  readonly target: string;
  readonly host: string;
  readonly port: string;
} {
  const [, user = "", bracketed, plain = "", port = "22"] =
    /^(?:(.*)@)?(?:\[([^\]]*)\]|(.*?))(?::(\d+))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  return { target: user === "" ? host : `${user}@${host}`, host, port };
}

/** A command for the host and not for this machine. */
export function onHost(command: string): string {
  return `on the host: ${command}`;
}

/** `0755`. */
export function octal(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, "0")}`;
}
