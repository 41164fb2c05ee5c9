/**
 * The hosts of one command: a session with each, what state it was left in, and what went wrong there.
 *
 * - One connection and one session per host, opened together, closed together; one that died may get a successor.
 * - A failure stays with its host: the others finish the step that they are in.
 * - After every step each host's state says what would be true if the command ended now.
 */

import type { AgentEvent, Unchanged } from "../../../agent/protocol.ts";
import type { ActivationReport } from "../../../agent/wire/report.ts";
import type { PhaseTime } from "../../core/fleet/slowest.ts";
import type { HostPhase, ProgressEvent } from "../../core/report/progress.ts";
import type { HostState } from "../../core/report/state-line.ts";
import type { PhasedFailure } from "../../explain.ts";
import { ZdrError } from "../../failure.ts";
import { openSession } from "./agent-client.ts";
import type { AgentSession, EarlyRequest } from "./agent-session.ts";
import type { AgentFile } from "./bootstrap.ts";
import type { Slots } from "./slots.ts";
import type { Connection } from "./transport.ts";

export interface FleetTarget {
  readonly name: string;
  readonly node?: string | undefined;
  /** Absent: agent/protocol.ts says. */
  readonly heartbeatMs?: number;
  readonly silenceMs?: number;
}

export interface FleetOptions<Target extends FleetTarget> {
  readonly targets: readonly Target[];
  readonly connect: (target: Target) => Promise<Connection>;
  readonly agent: AgentFile;
  /** Where the agent lies on each host. */
  readonly agentPath: string;
  /** A word for what the agents will be asked (BootstrapOptions). */
  readonly use?: string;
  /** Asked when a host has let us in: the first request, if it is known by then. */
  readonly early?: ((target: Target) => EarlyRequest | undefined) | undefined;
  readonly report: (event: ProgressEvent) => void;
  /** Is given what ends every wait for a host: there is no more time (Interrupt). */
  readonly onLeave?: (leave: (signal: Signal) => void) => void;
}

/** One host in the course of a command. */
export interface FleetHost {
  readonly name: string;
  /** Another one once the link has died (reopen). */
  session: Promise<AgentSession>;
  /** It was taken before the link died, and the session that there is now does not have it (or not yet). */
  isLockGone: boolean;
  /** What a failure would mean now; the steps move it on. */
  phase: PhasedFailure["phase"];
  state: HostState;
  failure: PhasedFailure | undefined;
  activation: ActivationReport | undefined;
  /** Of a rollout that was given up: what became of going back to what it had. */
  wentBack: ActivationReport | undefined;
  /** Why it did not go back, beside what `failure` says of it; where that was refused, it serves what it took. */
  backFailure: PhasedFailure | undefined;
  /** The release serves there already: the survey has answered for `activate` and `settle` too. */
  unchanged: Unchanged | undefined;
  /** The same, by its pre-flight: the activation will find nothing to do, and no hook runs there. */
  isServed: boolean;
  /** How long each of its steps took, in their order. */
  readonly times: PhaseTime[];
}

/** What a step came to. `failed`: it was answered, and the answer is that it did not work. */
export type StepEnd = string | undefined | { readonly failed: string };

type Signal = "SIGINT" | "SIGTERM";

type Step = (host: FleetHost, session: AgentSession) => Promise<StepEnd>;

export class Fleet<Target extends FleetTarget> {
  #hosts: readonly FleetHost[];
  #passedOver: readonly FleetHost[] = [];
  readonly #options: FleetOptions<Target>;
  /** Of each host the one that its session is on. */
  readonly #connections = new Map<Target, Connection>();
  readonly #targets = new Map<FleetHost, Target>();
  /** Of each host all that there were: an agent may outlive its link, and hold the lock meanwhile. */
  readonly #sessions = new Map<FleetHost, AgentSession[]>();
  readonly #aborted = new Map<FleetHost, Signal>();
  readonly #left: Promise<never>;
  #isClosed = false;

  constructor(options: FleetOptions<Target>) {
    this.#options = options;
    this.#left = new Promise((_, reject) => {
      options.onLeave?.((signal) => reject(new ZdrError({ kind: "interrupted", signal })));
    });
    this.#left.catch(() => {});
    this.#hosts = options.targets.map((target) => {
      const session = this.#open(target);
      const nothingYet = {
        isLockGone: false,
        phase: "plan",
        state: { kind: "untouched" },
        failure: undefined,
        activation: undefined,
        wentBack: undefined,
        backFailure: undefined,
        unchanged: undefined,
        isServed: false,
      } as const;
      const host: FleetHost = { name: target.name, session, times: [], ...nothingYet };
      this.#targets.set(host, target);
      this.#remember(host, session);
      return host;
    });
  }

  /** Those that take part, in the order of the file. */
  get hosts(): readonly FleetHost[] {
    return this.#hosts;
  }

  /** From here on the command is not for these. */
  passOver(hosts: readonly FleetHost[]): void {
    this.#hosts = this.#hosts.filter((host) => !hosts.includes(host));
    this.#passedOver = [...this.#passedOver, ...hosts];
  }

  get passedOver(): readonly FleetHost[] {
    return this.#passedOver;
  }

  get failed(): readonly FleetHost[] {
    return this.hosts.filter((host) => host.failure !== undefined);
  }

  /** The first host that has let us in; rejects where none has. */
  get firstOpen(): Promise<unknown> {
    return Promise.any(this.#hosts.map(({ session }) => session));
  }

  /** Runs a step on every host at once, or on so many as `limit` lets in. Failures are noted with their hosts; true: there was none. */
  async onAll(phase: HostPhase, step: Step, limit: Slots = (work) => work()): Promise<boolean> {
    await Promise.all(this.hosts.map((host) => limit(() => this.onOne(host, phase, step))));
    return this.failed.length === 0;
  }

  /** Asks every host at once, before the steps of the command: nothing is told of it. Failures are noted with their hosts; true: there was none. */
  async askAll(ask: (host: FleetHost, session: AgentSession) => Promise<void>): Promise<boolean> {
    await Promise.all(this.hosts.map((host) => this.#attempt(host, ask)));
    return this.failed.length === 0;
  }

  /** Runs a step on one host; what it resolves with is told as the step's detail. */
  async onOne(host: FleetHost, phase: HostPhase, step: Step): Promise<boolean> {
    const startedAt = performance.now();
    const tell = (status: "start" | "done" | "failed", detail?: string) => {
      const ms = status === "start" ? undefined : Math.round(performance.now() - startedAt);
      if (ms !== undefined) host.times.push({ phase, ms });
      this.#options.report({ ...{ kind: "host-phase", host: host.name, phase, status, detail }, ms });
    };
    tell("start");
    const done = await this.#attempt(host, step);
    if (done === undefined) tell("failed");
    else if (typeof done.end === "object") tell("failed", done.end.failed);
    else tell("done", done.end);
    return done !== undefined && typeof done.end !== "object";
  }

  /** undefined: it failed, which is noted with the host. */
  async #attempt<T>(
    host: FleetHost,
    step: (host: FleetHost, session: AgentSession) => Promise<T>,
  ): Promise<{ readonly end: T } | undefined> {
    try {
      return { end: await Promise.race([host.session.then((session) => step(host, session)), this.#left]) };
    } catch (error) {
      if (!(error instanceof ZdrError)) throw error;
      const signal = error.failure.kind === "link" ? this.#aborted.get(host) : undefined;
      const failure = signal === undefined ? error.failure : ({ kind: "interrupted", signal } as const);
      host.failure = { failure, phase: host.phase };
      if (failure.kind === "link" && host.state.kind === "staged") host.state = { ...host.state, kind: "unheard" };
      return undefined;
    }
  }

  /** A new connection and session in the place of those whose link has died. */
  async reopen(host: FleetHost): Promise<AgentSession> {
    const target = this.#targets.get(host);
    if (target === undefined) throw new Error(`${host.name} is none of these hosts`);
    this.#connections.get(target)?.close();
    const session = this.#open(target, true);
    this.#remember(host, session);
    host.session = session;
    return await session;
  }

  /** Whether this is the process of an agent that this command has started there, over whichever of its links. */
  isOwnAgent(host: FleetHost, pid: number): boolean {
    return (this.#sessions.get(host) ?? []).some((session) => session.agentPid() === pid);
  }

  #remember(host: FleetHost, session: Promise<AgentSession>): void {
    const all = this.#sessions.get(host) ?? [];
    this.#sessions.set(host, all);
    session.then((one) => all.push(one)).catch(() => {});
  }

  onEvent(host: FleetHost): (event: AgentEvent) => void {
    return (event) => this.#options.report({ kind: "agent", host: host.name, event });
  }

  /** Tells these hosts to undo what was not activated; their sessions end with it, and that is no failure of theirs. */
  abort(signal: Signal, hosts: readonly FleetHost[] = this.hosts): void {
    for (const host of hosts) {
      this.#aborted.set(host, signal);
      void host.session.then((session) => session.abort()).catch(() => {});
    }
  }

  /** Ends every session, then every connection. Never throws. Waits for no host that has not let us in, and for nobody once there is no more time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = this.hosts.flatMap((host) => this.#sessions.get(host)?.at(-1) ?? []).filter(({ isOver }) => !isOver);
    const ended = Promise.allSettled(open.map((session) => session.close()));
    await Promise.race([ended, this.#left]).catch(() => {});
    for (const connection of this.#connections.values()) connection.close();
  }

  async #open(target: Target, isAgain = false): Promise<AgentSession> {
    const { connect, agent, agentPath, use } = this.#options;
    const connection = await connect(target);
    this.#connections.set(target, connection);
    if (this.#isClosed) connection.close();
    const { name: host, node, heartbeatMs, silenceMs } = target;
    const early = isAgain ? undefined : this.#options.early?.(target);
    return openSession(connection, { host, node, agent, agentPath, use, early, heartbeatMs, silenceMs });
  }
}
