/**
 * One session: what one CLI command asks of this host over one channel, answered in order.
 *
 * - The lock that `survey` took is given up by `settle`, or at the end of the session, however that comes.
 * - An upload that is not published when the session ends is removed; where the link died, what had arrived whole is kept for
 *   whoever sends that release next (io/release/part.ts).
 * - An activation that has flipped goes on to its end whether or not anybody listens.
 */

import type { HostContext } from "./context.ts";
import { failureOf } from "./core/failure.ts";
import type { Layout } from "./core/layout.ts";
import type { Command } from "./io/command.ts";
import type { Lock } from "./io/lock.ts";
import type { Incoming, Sources } from "./io/release/release-store.ts";
import { openStdin } from "./io/stdin.ts";
import { Wire, type WireLimits } from "./io/wire.ts";
import { type AgentEvent, PROTOCOL_VERSION, type Request, type RequestOf, type Verb } from "./protocol.ts";
import type { AgentFailure } from "./wire/failure.ts";
import type { Actor, ProjectPlan } from "./wire/plan.ts";

/** What the verbs of one session hand to each other. */
export interface Session {
  readonly wire: Wire;
  /** sha256 of this agent's own bundle. */
  readonly agent: string;
  by: Actor;
  project: ProjectPlan | undefined;
  layout: Layout | undefined;
  context: HostContext | undefined;
  lock: Lock | undefined;
  /** What `stage` will look for, where it was found ahead. */
  sources: Sources | undefined;
  /** A release on its way: staged, not published. */
  staging: Staging | undefined;
  /** The release that this session has received, so that it was read just now. */
  published: string | undefined;
  /** The release that has passed its pre-flight in this session, and how long that took. */
  checked: { readonly tag: string; readonly ms: number } | undefined;
  /** An operator's. */
  command: Command | undefined;
}

interface Staging {
  readonly incoming: Incoming;
  /** Indices into the manifest's entries that the CLI is to send. */
  readonly missing: readonly number[];
  /** What `stage` took; the ledger is told when `upload` is over. */
  readonly copyMs: number;
}

type Run<V extends Verb> = (
  session: Session,
  request: RequestOf<V>,
  emit: (event: AgentEvent) => void,
) => Promise<unknown>;

/** Loaded when asked for: a host starts an agent for every command, and most commands need one or two of these. */
const VERBS: { readonly [V in Verb]: () => Promise<Run<V>> } = {
  status: async () => (await import("./verbs/status.ts")).runStatus,
  lock: async () => (await import("./verbs/lock.ts")).runLock,
  unlock: async () => (await import("./verbs/lock.ts")).runUnlock,
  freeze: async () => (await import("./verbs/operator/freeze.ts")).runFreeze,
  unfreeze: async () => (await import("./verbs/operator/freeze.ts")).runUnfreeze,
  history: async () => (await import("./verbs/operator/history.ts")).runHistory,
  traces: async () => (await import("./verbs/operator/traces.ts")).runTraces,
  verify: async () => (await import("./verbs/verify.ts")).runVerify,
  exec: async () => (await import("./verbs/operator/exec.ts")).runExec,
  output: async () => (await import("./verbs/operator/exec.ts")).runOutput,
  logs: async () => (await import("./verbs/operator/logs.ts")).runLogs,
  doctor: async () => (await import("./verbs/operator/doctor.ts")).runDoctor,
  survey: async () => (await import("./verbs/survey.ts")).runSurvey,
  stage: async () => (await import("./verbs/stage.ts")).runStage,
  upload: async () => (await import("./verbs/upload.ts")).runUpload,
  preflight: async () => (await import("./verbs/preflight.ts")).runPreflight,
  activate: async () => (await import("./verbs/activate.ts")).runActivate,
  outcome: async () => (await import("./verbs/outcome.ts")).runOutcome,
  soak: async () => (await import("./verbs/soak.ts")).runSoak,
  hook: async () => (await import("./hooks/verb.ts")).runHookVerb,
  settle: async () => (await import("./verbs/settle.ts")).runSettle,
  control: async () => (await import("./verbs/control.ts")).runControl,
  setup: async () => (await import("./verbs/setup.ts")).runSetupVerb,
};

export interface SessionStart {
  readonly leftover: Uint8Array;
  readonly agent: string;
  readonly use?: string | undefined;
  readonly limits?: WireLimits | undefined;
}

export async function runSession(start: SessionStart): Promise<void> {
  const wire = new Wire({ openStdin, stdout: process.stdout, leftover: start.leftover, ...start.limits });
  const session: Session = {
    ...{ wire, agent: start.agent, by: { user: "unknown", host: "unknown" } },
    ...{
      project: undefined,
      layout: undefined,
      context: undefined,
      lock: undefined,
      sources: undefined,
      staging: undefined,
      published: undefined,
      checked: undefined,
      command: undefined,
    },
  };
  wire.send({
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    agent: start.agent,
    node: process.versions.node,
    pid: process.pid,
    sshConnection: process.env.SSH_CONNECTION,
  });
  // Where the first request comes a round trip later, this is the time to load what nearly all commands begin with.
  if (start.use !== undefined && start.use !== "status") void VERBS.survey();
  try {
    for (;;) {
      const incoming = await wire.next();
      if (incoming === undefined) break;
      if (incoming.kind === "request") await answer(session, incoming.request);
      if (wire.isTold && session.lock) await lookAhead(session);
      if (incoming.kind === "invalid") wire.send({ kind: "failure", id: incoming.id, failure: invalid(incoming) });
    }
  } finally {
    if (session.staging) await (await import("./io/release/release-store.ts")).dropIncoming(session.staging.incoming);
    session.lock?.release();
    session.command?.stop();
    wire.close();
  }
}

async function answer(session: Session, request: Request): Promise<void> {
  // What stands here without an id belongs to a request that has been answered meanwhile.
  if (!("id" in request)) return;
  const { id } = request;
  const emit = (event: AgentEvent) => session.wire.send({ kind: "event", id, event });
  try {
    const run = (await VERBS[request.verb]()) as Run<typeof request.verb>;
    const result = await run(session, request as never, emit);
    session.wire.send({ kind: "result", id, result });
  } catch (error) {
    session.wire.send({ kind: "failure", id, failure: failureOf(error) });
  }
}

/** While a large build is still being read, an agent that has the lock does what `stage` would begin with. */
async function lookAhead(session: Session): Promise<void> {
  if (session.sources === undefined) (await import("./verbs/stage.ts")).lookAhead(session);
}

function invalid(incoming: { readonly verb: string | undefined; readonly detail: string }): AgentFailure {
  const { verb, detail } = incoming;
  return verb !== undefined && !Object.hasOwn(VERBS, verb)
    ? { reason: "unsupported", verb }
    : { reason: "bad-request", detail };
}
