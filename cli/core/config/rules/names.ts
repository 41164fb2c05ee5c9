/** Names in deploy.yml: they become folders, supervisor's section headers and words of log lines. */
import { didYouMean } from "../../closest.ts";
import { type Checked, complain } from "./checked.ts";
import { placeholderComplaint } from "./placeholders.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LONGEST_NAME = 64;
/** Of a program that supervisor has already: what its section headers and RPC names can hold. */
const PROCESS = /^[A-Za-z0-9_][A-Za-z0-9._@+-]*(?::(?:[A-Za-z0-9_][A-Za-z0-9._@+-]*|\*))?$/;
const USER = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$|^[0-9]+$/;

/** A project, a program or a host. */
export function checkName(text: string): Checked<string> {
  if (NAME.test(text) && text.length <= LONGEST_NAME) return { ok: text };
  if (text === "") return complain("is empty");
  if (text.length > LONGEST_NAME) return complain(`is ${text.length} characters long; ${LONGEST_NAME} is the most`);
  const plain = text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "");
  return complain(
    "is no name: letters, digits and . _ - are allowed, a letter or a digit first",
    NAME.test(plain) ? `did you mean "${plain}"?` : undefined,
  );
}

/** Supervisor's name of a program: `shop`, `group:shop`, or `group:*` for all processes of one group. */
export function checkProcess(text: string): Checked<string> {
  if (PROCESS.test(text)) return { ok: text };
  if (text === "") return complain("is empty");
  return complain('is no name that supervisor gives a process, such as "shop" or "group:shop"');
}

/** A user that a program runs as. */
export function checkUser(text: string): Checked<string> {
  return USER.test(text) ? { ok: text } : complain(text === "" ? "is empty" : "is no user name");
}

/**
 * What programs that hand their sockets to a successor tell it by. Set from outside, it makes a program believe that it
 * is one: grace then takes the socket and ends its parent (the libraries' sources).
 */
const HANDOVER = [
  /^LISTEN_(?:FDS|PID|FDNAMES)$/,
  /^ENDLESS_(?:CONTINUE|SOCKET_ORDER)$/,
  /^(?:IS_)?GRACEFUL$/,
  /^OVERSEER_/,
  /^GO_UPGRADE_BIN_CHECK$/,
  /^TABLEFLIP_HAS_PARENT_7DIU3$/,
  /^EINHORN_/,
  /^SERVER_STARTER_/,
];

export function checkVariableName(name: string): Checked<string> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return complain("is no name of a variable: letters, digits and _ are allowed, no digit first");
  }
  if (HANDOVER.some((pattern) => pattern.test(name))) {
    return complain("is how a program hands its sockets to its successor; set from outside, it breaks the reload");
  }
  if (name.startsWith("ZDR_")) return complain("begins with ZDR_, which zdr sets itself");
  return { ok: name };
}

/**
 * A value that supervisor 4.2 and 4.3 both read back as it is (datatypes.py, dict_of_key_value_pairs; configparser's
 * inline comments). May be a secret, so nothing of it is told.
 */
export function checkVariableValue(value: string): Checked<string> {
  const hint = "let the program read it from a file in shared/";
  if (/[\r\n]/.test(value)) return complain("holds a line break, which supervisor can not pass on", hint);
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return complain("holds a control character", hint);
  if (value.includes('"')) return complain("holds a double quote, which supervisor can not pass on", hint);
  if (/^'|'$/.test(value)) return complain("begins or ends with a single quote", hint);
  if (value.includes("\\") && value.includes("'")) return complain("holds a backslash and a single quote", hint);
  if (/\s[;#]/.test(value)) return complain("holds a blank before ; or #, where supervisor begins a comment", hint);
  if (value.includes("%(here)s")) return complain("holds %(here)s, which supervisor replaces", hint);
  return placeholderComplaint(value, "text") ?? { ok: value };
}

/** `did you mean "HUP"?` for SIGHUP, hup, 1 and the like. */
export function signalSuggestion(text: string, signals: readonly string[]): string | undefined {
  const plain = text.toUpperCase().replace(/^SIG/, "");
  return signals.includes(plain) ? `did you mean "${plain}"?` : didYouMean(plain, signals);
}
