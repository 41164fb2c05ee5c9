/** What this side sees of a host, judged. */
import type { Check } from "../../../agent/wire/doctor.ts";
import { formatMs } from "../report/units.ts";

/** Ledgers, locks and logs of several hosts are read beside each other. */
const SKEW_LIMIT_MS = 5_000;

/** `aheadMs`: of the host's clock before this machine's; below 0 it is behind. */
export function clockCheck(aheadMs: number): Check {
  const off = Math.abs(aheadMs);
  if (off < SKEW_LIMIT_MS) return { about: "clock", level: "ok", text: "agrees with this machine's" };
  const text = `${formatMs(off)} ${aheadMs > 0 ? "ahead of" : "behind"} this machine's`;
  return { about: "clock", level: "warn", text, fix: "set it by the network, on both: timedatectl set-ntp true" };
}

/** What the login shell printed before the agent spoke. */
export function noiseCheck(noise: string): Check {
  const [first = "", ...rest] = noise.trim().split("\n");
  if (first === "") return { about: "shell", level: "ok", text: "its start-up files print nothing" };
  const more = rest.length === 0 ? "" : ` and ${rest.length} more lines`;
  return {
    ...{
      about: "shell",
      level: "warn",
      text: `its start-up files print "${first}"${more}, which breaks scp and rsync`,
    },
    fix: "print only where somebody sits: [[ $- == *i* ]] || return, at the head of .bashrc",
  };
}

/** `isLetIn`: a second session on the same connection. zdr needs one. */
export function sessionsCheck(isLetIn: boolean): Check {
  const text = isLetIn
    ? "more than one to a connection"
    : "one to a connection (MaxSessions), which is all that zdr needs";
  return { about: "sessions", level: "ok", text };
}

export function loginCheck(name: string, tookMs: number): Check {
  return { about: "connect", level: "ok", text: `${name}, in ${formatMs(tookMs)}` };
}
