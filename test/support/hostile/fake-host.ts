/** A host that says what it is told to say: the CLI's end of a channel without SSH and without an agent. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { type LinkFailure, ZdrError } from "../../../cli/failure.ts";
import { openSession } from "../../../cli/io/session/agent-client.ts";
import type { AgentSession, EarlyRequest } from "../../../cli/io/session/agent-session.ts";
import type { Connection } from "../../../cli/io/session/transport.ts";

export interface FakeHost {
  readonly session: AgentSession;
  /** The word that the loader's lines begin with. */
  readonly magic: string;
  readonly stdout: PassThrough;
  readonly stdin: PassThrough;
  /** The channel's end. */
  close(end: { readonly code: number | null; readonly signal: string | null }): void;
}

export interface Limits {
  readonly heartbeatMs?: number;
  readonly silenceMs?: number;
}

export async function openFakeHost(limits: Limits = {}, early?: EarlyRequest): Promise<FakeHost> {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  let close: FakeHost["close"] = () => {};
  const closed = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    close = resolve;
  });
  let magic = "";
  const connection: Connection = {
    name: "fake",
    exec: async (command) => {
      const words = command.split(" ").map((word) => Buffer.from(word, "base64").toString());
      magic = /zdr-[0-9a-f]{24}/.exec(words.join(" "))?.[0] ?? "";
      return { stdin, stdout, stderrTail: () => "", closed };
    },
    close: () => {},
  };
  const agent = { sha256: "0".repeat(64), bytes: Buffer.from("agent") };
  const options = { host: "web1", agent, agentPath: "/x/.zdr/agent-0.cjs", early, ...limits };
  const session = await openSession(connection, options);
  return { session, magic, stdout, stdin, close };
}

/** The line by which the loader says that the agent runs. */
export const startLine = ({ magic }: FakeHost) => `\n${magic} {"kind":"start"}\n`;

/** What stands between us and the host; fails where the work went well or failed otherwise. */
export async function linkFailureOf(work: Promise<unknown>): Promise<LinkFailure> {
  const error = await work.then(
    () => assert.fail("it was accepted"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ZdrError && error.failure.kind === "link", String(error));
  return error.failure.link;
}
