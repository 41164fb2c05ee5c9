/** What a session needs of the way to a host, and what it means when that ends. `ssh.ts`, `openssh.ts` and `local.ts` implement it. */
import type { Readable, Writable } from "node:stream";
import type { LinkFailure } from "../../failure.ts";

/**
 * ssh(1), EXIT STATUS: an error of its own, such as a link that died. No agent ends with it; another command may, so what came before
 * counts.
 */
export const SSH_FAILED = 255;

/** One running command at the other end. */
export interface Channel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The last few KB that came over stderr: shell noise, a crash of the agent. */
  stderrTail(): string;
  /** Settles once, when the channel is gone for whatever reason; never rejects. */
  readonly closed: Promise<ChannelEnd>;
  /** Sends no more ahead of what the command reads than is good for one on this very machine. */
  readonly narrow?: () => void;
}

/** `code` and `signal` both null: the link died. */
export interface ChannelEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The command never ran, because of this. */
  readonly problem?: LinkFailure;
}

/** What it means where the agent had not begun. */
export function failureAtStart(end: ChannelEnd, noise: string): LinkFailure {
  return end.problem ?? { kind: "agent-start", detail: wordsOf(end), noise };
}

/**
 * What it means for whoever waits for an answer; `during`: to what. An agent that has died leaves what it was at to the next command.
 * One that ended in order (0) had answered, and was not heard: that is a link that died, as it is where ssh ends with its own code.
 */
export function failureInSession(end: ChannelEnd, during: string, stderr: string): LinkFailure {
  if (end.problem !== undefined) return end.problem;
  const how = wordsOf(end);
  const detail = stderr === "" ? how : `${how}: ${stderr}`;
  const isLinks = isOfLink(end) || end.code === 0 || end.code === SSH_FAILED;
  return { kind: "link-lost", during, detail, ...(isLinks ? {} : { isAgentsEnd: true }) };
}

const isOfLink = ({ code, signal }: ChannelEnd) => code === null && signal === null;
const wordsOf = (end: ChannelEnd) => (isOfLink(end) ? "the connection was closed" : `exit ${end.code ?? end.signal}`);

/** An open way to one host. */
export interface Connection {
  /** For messages: `deploy@web1:22`, `local`. */
  readonly name: string;
  /**
   * Whether it leads to this very machine, with nothing between. `sshConnection`: its two ends as the host sees them. Absent: nobody
   * can tell.
   */
  readonly isHere?: (sshConnection: string | undefined) => boolean;
  /** Runs a fixed command line (never built from user input) through the login shell at the other end. */
  exec(command: string): Promise<Channel>;
  close(): void;
}
