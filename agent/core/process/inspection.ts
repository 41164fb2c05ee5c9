/** What is asked about processes, and what a look at one found. Pure: compares devices and inodes, never names. */
import type { Accepting, AcceptsBy } from "./accepting.ts";

/** Names one file while it exists. bigint: inodes of overlayfs and xfs go beyond 2^53. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** A release against which processes are compared. */
export interface ReleaseWant {
  readonly tag: string;
  /** Its folder. */
  readonly root?: FileIdentity | undefined;
  /** The program's main binary in it, for a program that is executed natively. */
  readonly binary?: FileIdentity | undefined;
}

export interface OpenFile extends FileIdentity {
  /** No name leads to it any more. */
  readonly isDeleted: boolean;
}

/** What was seen, in numbers only: this is all that the root-owned helper gives away. */
export interface ProcessFacts extends Accepting {
  readonly pid: number;
  readonly startTicks: number;
  readonly ppid: number;
  readonly uid: number;
  readonly exe: OpenFile;
  readonly cwd: OpenFile;
  /** Index of the folder, among those asked about, in which the cwd lies; -1: in none of them. */
  readonly cwdRoot: number;
  /** Inodes of the listening sockets that it holds, TCP and unix. */
  readonly holds: readonly bigint[];
  /** The kernel did not say what its threads wait in (Yama): root could say more about `accepts`. */
  readonly isPartial: boolean;
}

export type Look =
  /** No such process, or a zombie, or the pid came to name another process while it was looked at. */
  | { readonly outcome: "gone"; readonly pid: number }
  /** It lives, and this user may not look into it. Start 0 and uid -1: /proc does not even show it (hidepid). */
  | { readonly outcome: "denied"; readonly pid: number; readonly startTicks: number; readonly uid: number }
  | { readonly outcome: "seen"; readonly facts: ProcessFacts };

export interface Inspection {
  readonly pid: number;
  readonly startTicks: number;
  readonly uid: number;
  /** It could not be looked into, or whether it accepts could not be told: it proves nothing either way. */
  readonly denied: boolean;
  readonly accepts: boolean;
  readonly acceptsBy?: AcceptsBy;
  /** Inodes of the listening sockets that it holds. */
  readonly holds: readonly bigint[];
  readonly exe?: OpenFile;
  readonly cwd?: OpenFile;
  /** Tag of the release whose binary it executes. */
  readonly exeRelease?: string;
  /** Tag of the release in which its cwd lies, at any depth. */
  readonly cwdRelease?: string;
  /** All of this is the word of a process of the same user, which nobody else could look into. */
  readonly witnessed?: true;
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The folders that a look is asked about, in the order that its `cwdRoot` counts. */
export function rootsOf(wants: readonly ReleaseWant[]): { root: FileIdentity; tag: string }[] {
  return wants.flatMap(({ root, tag }) => (root === undefined ? [] : [{ root, tag }]));
}

/** What a look means for these releases. Undefined: the process is gone. */
export function describeLook(look: Look, wants: readonly ReleaseWant[], isWitnessed = false): Inspection | undefined {
  if (look.outcome === "gone") return undefined;
  if (look.outcome === "denied") {
    return { pid: look.pid, startTicks: look.startTicks, uid: look.uid, denied: true, accepts: false, holds: [] };
  }
  const { pid, startTicks, uid, exe, cwd, holds, accepts, by, cwdRoot } = look.facts;
  const exeRelease = wants.find(({ binary }) => binary !== undefined && isSameFile(binary, exe))?.tag;
  const cwdRelease = rootsOf(wants)[cwdRoot]?.tag;
  return {
    ...{ pid, startTicks, uid, exe, cwd, holds },
    denied: accepts === "unknown",
    accepts: accepts === "yes",
    ...(by === undefined ? {} : { acceptsBy: by }),
    ...(exeRelease === undefined ? {} : { exeRelease }),
    ...(cwdRelease === undefined ? {} : { cwdRelease }),
    ...(isWitnessed ? { witnessed: true } : {}),
  };
}

/** Whether root would see more: nothing could be read, or not enough to tell whether it accepts. */
export function isWorthProving(look: Look): boolean {
  return look.outcome === "denied" || (look.outcome === "seen" && look.facts.isPartial && look.facts.accepts !== "yes");
}
