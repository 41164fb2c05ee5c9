/**
 * One session: what one CLI command asks of this host over one channel, answered in order.
 *
 * - The lock that `survey` took is given up by `settle`, or at the end of the session, however that comes.
 * - An upload that is not published when the session ends is removed.
 * - An activation that has flipped goes on to its end whether or not anybody listens.
 */
import { AgentError } from "./core/failure.ts";
import type { Layout } from "./core/layout.ts";
import type { Lock } from "./io/lock.ts";
import type { Incoming } from "./io/release-store.ts";
import { dropIncoming } from "./io/release-store.ts";
import { Wire } from "./io/wire.ts";
import { type Actor, type AgentEvent, type AgentFailure, PROTOCOL_VERSION, type ProjectPlan, type Request, type RequestOf, type Verb } from "./protocol.ts";
import { runActivate } from "./verbs/activate.ts";
import { runControl } from "./verbs/control.ts";
import { runSettle } from "./verbs/settle.ts";
import { runSetupVerb } from "./verbs/setup.ts";
import { runStage } from "./verbs/stage.ts";
import { runStatus } from "./verbs/status.ts";
import { runSurvey } from "./verbs/survey.ts";
import { runUpload } from "./verbs/upload.ts";
import type { HostContext } from "./context.ts";

/** What the verbs of one session hand to each other. */
export interface Session {
  readonly wire: Wire;
  /** sha256 of this agent's own bundle. */
  readonly agent: string;
  /** The file that this agent was loaded from; siblings of it are delivered with it. */
  readonly bundlePath: string;
  by: Actor;
  project: ProjectPlan | undefined;
  layout: Layout | undefined;
  context: HostContext | undefined;
  lock: Lock | undefined;
  /** A release on its way: staged, not published. */
  staging: Staging | undefined;
}

interface Staging {
  readonly incoming: Incoming;
  /** Indices into the manifest's entries that the CLI is to send. */
  readonly missing: readonly number[];
  readonly startedAt: number;
}

type Run<V extends Verb> = (session: Session, request: RequestOf<V>, emit: (event: AgentEvent) => void) => Promise<unknown>;

const VERBS: { readonly [V in Verb]: Run<V> } = {
  status: runStatus,
  survey: runSurvey,
  stage: runStage,
  upload: runUpload,
  activate: runActivate,
  settle: runSettle,
  control: runControl,
  setup: runSetupVerb,
};

export interface SessionStart {
  readonly leftover: Uint8Array;
  readonly agent: string;
  readonly bundlePath: string;
}

export async function runSession(start: SessionStart): Promise<void> {
  const { stdin, stdout } = process;
  const wire = new Wire({ stdin, stdout, leftover: start.leftover });
  const session: Session = {
    ...{ wire, agent: start.agent, bundlePath: start.bundlePath, by: { user: "unknown", host: "unknown" } },
    ...{ project: undefined, layout: undefined, context: undefined, lock: undefined, staging: undefined },
  };
  wire.send({ kind: "hello", protocol: PROTOCOL_VERSION, agent: start.agent, node: process.versions.node, pid: process.pid });
  try {
    for (;;) {
      const incoming = await wire.next();
      if (incoming === undefined) break;
      if (incoming.kind === "request") await answer(session, incoming.request);
      else if (incoming.kind === "invalid") wire.send({ kind: "failure", id: incoming.id, failure: invalid(incoming) });
    }
  } finally {
    if (session.staging) await dropIncoming(session.staging.incoming);
    session.lock?.release();
    wire.close();
  }
}

async function answer(session: Session, request: Request): Promise<void> {
  if (request.verb === "beat" || request.verb === "abort" || request.verb === "data") return;
  const { id } = request;
  const emit = (event: AgentEvent) => session.wire.send({ kind: "event", id, event });
  try {
    const run = VERBS[request.verb] as Run<typeof request.verb>;
    const result = await run(session, request as never, emit);
    session.wire.send({ kind: "result", id, result });
  } catch (error) {
    session.wire.send({ kind: "failure", id, failure: failureOf(error) });
  }
}

function invalid(incoming: { readonly verb: string | undefined; readonly detail: string }): AgentFailure {
  const { verb, detail } = incoming;
  return verb !== undefined && !Object.hasOwn(VERBS, verb)
    ? { reason: "unsupported", verb }
    : { reason: "bad-request", detail };
}

function failureOf(error: unknown): AgentFailure {
  if (error instanceof AgentError) return error.failure;
  return { reason: "internal", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
