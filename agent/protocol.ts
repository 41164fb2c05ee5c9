/**
 * THE WIRE: what the CLI and the agent say to each other, and nothing else.
 *
 * One SSH channel carries NDJSON lines both ways; an upload travels as raw bytes right behind a `data` line that says
 * how many there are. Each line is checked by these schemas on both sides. Unknown keys are ignored; an unknown verb is
 * answered with the failure `unsupported`. docs/protocol.md is the prose to this file.
 *
 * `zod/mini` and not `zod`: the agent is sent to hosts and started for every command, and mini loads 10 ms sooner.
 */
import * as z from "zod/mini";
import { ControlResult } from "./wire/control/control.ts";
import { DoctorResult } from "./wire/doctor.ts";
import { ExecResult, OutputResult } from "./wire/exec.ts";
import { AgentFailure, Holder } from "./wire/failure.ts";
import { Freeze, FreezeResult, UnfreezeResult } from "./wire/freeze.ts";
import { HistoryResult } from "./wire/history.ts";
import { LogPlace, LogsResult } from "./wire/logs.ts";
import { Actor, HOOK_EVENTS, ProjectPlan, SupervisorAddress } from "./wire/plan.ts";
import { ProgramSurvey, StatusResult } from "./wire/program.ts";
import { HeldRelease, Manifest, ManifestEntries, ReleaseInfo, ReleaseName, Tag } from "./wire/release.ts";
import { ActivationReport } from "./wire/report.ts";
import { nonNegative, strings } from "./wire/scalars.ts";
import { SetupResult } from "./wire/setup.ts";
import { DataFrame, StageResult, UploadResult } from "./wire/stage.ts";
import { TracesResult } from "./wire/trace/trace.ts";
import { VerifyResult } from "./wire/verify.ts";

/** Raised when a line changes its meaning. CLI and agent are delivered together, so they agree except by a bug. */
export const PROTOCOL_VERSION = 1;

/** Both sides say `beat` this often while a session lasts. */
export const HEARTBEAT_INTERVAL_MS = 5_000;
/** Without any byte from the other side for this long, the link counts as dead (the agent: as end of stdin). */
export const SILENCE_LIMIT_MS = 30_000;
/** Longest accepted line from the CLI: a manifest of some 400,000 files. */
export const REQUEST_LINE_LIMIT_BYTES = 64 * 1024 * 1024;
/** Longest accepted line from an agent. A compromised host must not fill the operator's memory. */
export const REPLY_LINE_LIMIT_BYTES = 16 * 1024 * 1024;
/** Upload bytes travel in frames of at most this size. */
export const DATA_FRAME_LIMIT_BYTES = 1024 * 1024;

// ---------------------------------------------------------------------------------------------------------------------
// CLI -> agent
// ---------------------------------------------------------------------------------------------------------------------

/** Whose lock it is to be and why. */
export const LockRequest = z.object({
  by: Actor,
  why: z.string(),
  /** For how long somebody else may go on holding it; absent: not at all. A freeze is never waited for. */
  waitMs: z.optional(nonNegative),
  /** Of what no freeze forbids, and of an operator who goes on all the same. */
  ignoresFreeze: z.optional(z.boolean()),
});
export type LockRequest = z.infer<typeof LockRequest>;

const requestShapes = {
  /** supervisorctl's `status`, printed by the host itself. */
  status: {
    supervisor: SupervisorAddress,
    names: strings,
    deployTo: z.optional(z.string()),
    project: z.optional(ProjectPlan),
  },
  /** Take the host's lock and do nothing else. It is kept until `unlock`, `settle` or the end of the session. */
  lock: { deployTo: z.string(), lock: LockRequest },
  unlock: {},
  /** From now on no release is to be put here or activated; who is at work goes on. */
  freeze: { deployTo: z.string(), freeze: Freeze },
  unfreeze: { deployTo: z.string() },
  /** The last activations by the ledger, newest first; `limit` 0: all of them. */
  history: { deployTo: z.string(), limit: nonNegative },
  /** What was seen of activations, by the names that `history` tells. */
  traces: { deployTo: z.string(), activations: strings },
  /** Releases beside their manifests; no `tags`: the one that is current. */
  verify: { deployTo: z.string(), tags: strings, all: z.boolean() },
  /** Begins a command of the operator's, without a shell; `output` fetches what it prints. */
  exec: { deployTo: z.string(), argv: z.array(z.string()).check(z.minLength(1)) },
  /** What it has printed since the last time, or within `waitMs` from now. */
  output: { waitMs: nonNegative },
  /**
   * What programs have logged: the last lines, or what came `after`. An answer that would be empty is kept back for `waitMs`;
   * with `follow`, a last line that has no end yet is too.
   */
  logs: {
    project: ProjectPlan,
    programs: strings,
    lines: nonNegative,
    follow: z.boolean(),
    after: z.optional(z.array(LogPlace)),
    waitMs: nonNegative,
  },
  /** What a deploy would come upon here, setup included. Changes nothing. */
  doctor: {
    project: ProjectPlan,
    /** Of the build, on the disk. */
    needBytes: nonNegative,
    /** As for `setup`. */
    prove: z.string(),
    keeper: z.string(),
  },
  /** Read the host; with `lock`, take its lock first, unless this session has it. */
  survey: {
    project: ProjectPlan,
    lock: z.optional(LockRequest),
    release: z.optional(ReleaseName),
    /** A release whose upload was cut short and is about to go on: what has come of it stays. */
    resumes: z.optional(Tag),
    /** Where supervisord does not answer, what the disk and the ledger know is told all the same. Not with a lock. */
    withoutSupervisor: z.optional(z.literal(true)),
  },
  /**
   * What the host lacks of a release. With `dryRun`, nothing is written. With `announced`, the manifest's entries are those of the
   * `entries` lines of this session.
   */
  stage: { manifest: Manifest, dryRun: z.boolean(), announced: z.optional(z.literal(true)) },
  /** The tar stream of what was missing follows in `data` frames; the reply comes when the release is published. */
  upload: {},
  /** What `activate` would refuse, refused before anything of it is begun. */
  preflight: { tag: Tag, why: z.enum(["deploy", "rollback"]) },
  /** Flip, start or reload, prove, keep or revert. */
  activate: {
    tag: Tag,
    why: z.enum(["deploy", "rollback"]),
    /** A name for it that nothing else has, by which `outcome` is asked. */
    activation: z.optional(z.string()),
  },
  /** What became of an activation that the link died in. To be asked when its agent has ended: with the lock. */
  outcome: { deployTo: z.string(), activation: z.string() },
  /** Watch the programs for so long, as after an activation: nothing may crash, and health must hold. */
  soak: { ms: nonNegative },
  /** The hooks that run on one host of a command. The others run where their time comes. */
  hook: { when: z.enum(HOOK_EVENTS), tag: Tag, why: z.enum(["deploy", "rollback"]), once: z.boolean() },
  /** Prune and give the lock up. */
  settle: {},
  /** start, stop, restart or reload programs of the project on the release that is current. */
  control: { action: z.enum(["start", "stop", "restart", "reload"]), programs: strings },
  /** Make the layout, render the supervisor sections and add what is new. */
  setup: {
    project: ProjectPlan,
    lock: LockRequest,
    dryRun: z.boolean(),
    /** Text of the helper that looks into processes of other users as root. */
    prove: z.string(),
    /** Text of the program that supervisor runs in the place of one that hands over. */
    keeper: z.string(),
  },
} as const;

const request = <Verb extends keyof typeof requestShapes>(verb: Verb) =>
  z.object({ verb: z.literal(verb), id: nonNegative, ...requestShapes[verb] });

export const Request = z.discriminatedUnion("verb", [
  request("status"),
  request("lock"),
  request("unlock"),
  request("freeze"),
  request("unfreeze"),
  request("history"),
  request("traces"),
  request("verify"),
  request("exec"),
  request("output"),
  request("logs"),
  request("doctor"),
  request("survey"),
  request("stage"),
  request("upload"),
  request("preflight"),
  request("activate"),
  request("outcome"),
  request("soak"),
  request("hook"),
  request("settle"),
  request("control"),
  request("setup"),
  z.object({ verb: z.literal("beat") }),
  /** Of the release that `survey` was told of without one. Answered by nothing. */
  z.object({ verb: z.literal("digest"), digest: z.string() }),
  /** Of a release that will be staged, in the manifest's order, told while the build is still being read. Answered by nothing. */
  z.object({ verb: z.literal("entries"), entries: ManifestEntries }),
  DataFrame,
  /** Undo what was not activated, give the lock up and end. */
  z.object({ verb: z.literal("abort") }),
]);
export type Request = z.infer<typeof Request>;
export type Verb = keyof typeof requestShapes;
export type RequestOf<V extends Verb> = Extract<Request, { verb: V }>;

// ---------------------------------------------------------------------------------------------------------------------
// agent -> CLI
// ---------------------------------------------------------------------------------------------------------------------

export const Survey = z.object({
  hostname: z.string(),
  user: z.string(),
  uid: nonNegative,
  node: z.string(),
  agent: z.string(),
  supervisor: z.object({ url: z.string(), version: z.string(), pid: z.number(), uid: z.number() }),
  freeBytes: z.number(),
  freeInodes: z.number(),
  current: z.optional(z.string()),
  releases: z.array(ReleaseInfo),
  programs: z.array(ProgramSurvey),
  /** An operator wants nothing to be deployed here. */
  freeze: z.optional(Freeze),
  /** A command before this one died in the middle, and what became of it. */
  recovered: z.optional(z.string()),
  /** Without the lock: another command is at work here, or a dead one has left its own half done, so what is seen of the programs may pass. */
  isUnsettled: z.optional(z.boolean()),
  /** Without the lock: who has it. */
  holder: z.optional(Holder),
  /** The release that was asked about serves already, and the host has been settled. */
  unchanged: z.optional(z.lazy(() => Unchanged)),
  warnings: strings,
});
export type Survey = z.infer<typeof Survey>;

/** Absent: it was never begun, or was given up before the flip, so that nothing was changed. */
export const OutcomeResult = z.object({ report: z.optional(ActivationReport) });
export type OutcomeResult = z.infer<typeof OutcomeResult>;

export const SoakResult = z.object({ watchedMs: z.number() });
export type SoakResult = z.infer<typeof SoakResult>;

export const SettleResult = z.object({
  pruned: strings,
  /** Releases whose time had come, but for somebody who lives there. */
  held: z.optional(z.array(HeldRelease)),
  warnings: strings,
});
export type SettleResult = z.infer<typeof SettleResult>;

/** What `activate` and `settle` would have answered, in this order and with nothing changed. */
export const Unchanged = z.object({ report: ActivationReport, settled: SettleResult });
export type Unchanged = z.infer<typeof Unchanged>;

/** Of what is done or not, with nothing to tell. */
const Nothing = z.object({});

export const results = {
  status: StatusResult,
  lock: Nothing,
  unlock: Nothing,
  freeze: FreezeResult,
  unfreeze: UnfreezeResult,
  history: HistoryResult,
  traces: TracesResult,
  verify: VerifyResult,
  exec: ExecResult,
  output: OutputResult,
  logs: LogsResult,
  doctor: DoctorResult,
  survey: Survey,
  stage: StageResult,
  upload: UploadResult,
  /** `isServed`: an activation would find nothing to do. */
  preflight: z.object({ isServed: z.boolean() }),
  activate: ActivationReport,
  outcome: OutcomeResult,
  soak: SoakResult,
  hook: Nothing,
  settle: SettleResult,
  control: ControlResult,
  setup: SetupResult,
} as const;
export type ResultOf<V extends Verb> = z.infer<(typeof results)[V]>;

/** What happens while a request is worked on, for people who watch. */
export const AgentEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("phase"), phase: z.string(), detail: z.string() }),
  z.object({
    event: z.literal("program"),
    program: z.string(),
    /** `start`, `signal USR2`, `ready`, `drained`, `stopped`, `revert`, … */
    did: z.string(),
    pid: z.number(),
    release: z.optional(z.string()),
    atMs: z.number(),
  }),
  /** Somebody else holds the host's lock; it is waited for another `leftMs` at most. */
  z.object({
    event: z.literal("waiting"),
    by: Actor,
    why: z.string(),
    since: z.string(),
    pid: z.number(),
    leftMs: z.number(),
  }),
  /** Of long work: how much has been read. */
  z.object({ event: z.literal("reading"), doneBytes: z.number(), totalBytes: z.number() }),
  z.object({ event: z.literal("warning"), text: z.string() }),
]);
export type AgentEvent = z.infer<typeof AgentEvent>;

export const Reply = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("hello"),
    ...{ protocol: nonNegative, agent: z.string(), node: z.string(), pid: nonNegative },
    /** The two ends of the connection as sshd sees them (SSH_CONNECTION, ssh(1)). */
    sshConnection: z.optional(z.string()),
  }),
  z.object({ kind: z.literal("beat") }),
  z.object({ kind: z.literal("event"), id: nonNegative, event: AgentEvent }),
  z.object({ kind: z.literal("result"), id: nonNegative, result: z.unknown() }),
  z.object({ kind: z.literal("failure"), id: nonNegative, failure: AgentFailure }),
]);
export type Reply = z.infer<typeof Reply>;
