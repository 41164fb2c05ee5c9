/** What a session with the agent of one host offers to whoever has one. */
import type { AgentEvent, RequestOf, ResultOf, Verb } from "../../../agent/protocol.ts";
import type { Frame } from "../build/compress.ts";
import type { AgentFile } from "./bootstrap.ts";

export interface SessionOptions {
  /** The host's name in messages. */
  readonly host: string;
  readonly agent: AgentFile;
  /** Where the agent lies on the host. */
  readonly agentPath: string;
  readonly node?: string | undefined;
  /** A word for what will be asked (BootstrapOptions). */
  readonly use?: string | undefined;
  readonly early?: EarlyRequest | undefined;
  /** Absent: agent/protocol.ts says. */
  readonly heartbeatMs?: number | undefined;
  readonly silenceMs?: number | undefined;
}

/**
 * A request that travels with the command that starts the agent, a round trip before any other could; whoever makes a
 * request of this verb first gets its answer. It can be seen on the host, so it holds no secrets.
 */
export interface EarlyRequest {
  readonly verb: Verb;
  readonly body: object;
  /** Hands over lines that belong to it and are not known yet, as soon as they are. */
  readonly follow?: ((write: (line: object) => number) => void) | undefined;
}

export type RequestBody<V extends Verb> = Omit<RequestOf<V>, "verb" | "id">;
export type OnEvent = (event: AgentEvent) => void;

export interface AgentSession {
  readonly host: string;
  /** The host is this very machine, as far as can be told. */
  readonly isHere: boolean;
  /** The lines that belong to the early request go to this agent too. */
  readonly isFollowing: boolean;
  /** Nothing will be answered any more. */
  readonly isOver: boolean;
  /** The agent's process at the other end; undefined: it has not spoken. */
  agentPid(): number | undefined;
  request<V extends Verb>(verb: V, body: RequestBody<V>, onEvent?: OnEvent): Promise<ResultOf<V>>;
  /**
   * Sends the tar stream of an `upload` and waits for the release to be published. `onSent` counts its bytes, and those that they
   * went as.
   */
  upload(
    frames: AsyncIterable<Frame>,
    onSent: (bytes: number, asSent: number) => void,
    onEvent?: OnEvent,
  ): Promise<ResultOf<"upload">>;
  /** What the login shell printed before the agent spoke. */
  noise(): string;
  /** Tells the agent to undo what was not activated, then to end. */
  abort(): void;
  /** Ends the session: end of stdin, then a bounded wait for the agent to be gone, if it still has something to undo. */
  close(): Promise<void>;
}
