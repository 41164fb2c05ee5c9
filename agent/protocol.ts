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

/** The presets that `reload:` may name; what each one means stands in agent/core/presets.ts. */
export const PRESET_NAMES = [
  "overseer",
  "grace",
  "endless",
  "gracehttp",
  "tableflip",
  "reuseport",
  "graceful-url",
  "gunicorn",
  "node",
  "systemd-socket",
  "restart",
] as const;
/** How a program takes a new release; docs/glossary.md. */
export const STRATEGY_NAMES = ["signal", "slot", "handover", "http", "socket", "restart"] as const;
/** Signals that a `reload:` may name. KILL and STOP can not be handled by any program, so they reload nothing. */
export const RELOAD_SIGNALS = ["HUP", "USR1", "USR2", "QUIT", "TERM", "INT", "WINCH", "TTIN", "TTOU"] as const;

const nonNegative = z.number().check(z.int(), z.gte(0));
const strings = z.array(z.string());

// ---------------------------------------------------------------------------------------------------------------------
// What a host is told about a project
// ---------------------------------------------------------------------------------------------------------------------

/** Where supervisord answers; `discover` searches as supervisorctl does (supervisor/options.py, ClientOptions). */
export const SupervisorAddress = z.object({
  /** `unix:///run/supervisor.sock` or `http://host:port`; absent: discovered. */
  url: z.optional(z.string()),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  /** A supervisord.conf to read instead of searching for one. */
  config: z.optional(z.string()),
});
export type SupervisorAddress = z.infer<typeof SupervisorAddress>;

export const ReloadPlan = z.object({
  preset: z.optional(z.enum(PRESET_NAMES)),
  strategy: z.enum(STRATEGY_NAMES),
  signal: z.optional(z.enum(RELOAD_SIGNALS)),
  /** Of `handover`: ends the old generation where the program does not do that by itself. */
  oldSignal: z.optional(z.enum(RELOAD_SIGNALS)),
  /** Of `http`: asked once, from the host itself. */
  url: z.optional(z.string()),
  /** How long the old generation may take to finish its requests. */
  drainMs: nonNegative,
});
export type ReloadPlan = z.infer<typeof ReloadPlan>;

/** What a keeper listens on for its program. `host`: an address in numbers. */
export const ListenPlan = z.union([z.object({ host: z.string(), port: nonNegative }), z.object({ path: z.string() })]);
export type ListenPlan = z.infer<typeof ListenPlan>;

export const HttpHealth = z.object({
  /** `http://host:port/path`, asked from the host itself. */
  http: z.string(),
  /** How long a program may take until it is healthy. */
  timeoutMs: nonNegative,
  /** One request's own limit. */
  requestTimeoutMs: nonNegative,
  /** Accepted status codes; empty: 200 to 399. */
  status: z.array(nonNegative),
  /** Steady rate of the meter while the program reloads, requests per second; 0 turns it off. */
  meterRate: nonNegative,
});
export type HttpHealth = z.infer<typeof HttpHealth>;

export const ProgramPlan = z.object({
  /** The name in deploy.yml. */
  name: z.string(),
  /** Supervisor's name for it: `shop` or `group:shop`. */
  process: z.string(),
  /** argv; a relative first word stands under `current/`. `{current}`, `{deploy_to}`, `{shared}` and `{run}` are filled in by the agent. */
  command: z.array(z.string()).check(z.minLength(1)),
  reload: ReloadPlan,
  /** Of `socket`: what is handed to the program, in this order from fd 3 on. */
  listen: z.optional(z.array(ListenPlan)),
  health: z.optional(HttpHealth),
  /** argv of the program's own check of a release, run before the flip with `{release}` filled in. */
  check: z.optional(strings),
  /** The user that the program runs as; absent: supervisord's own. */
  user: z.optional(z.string()),
  environment: z.record(z.string(), z.string()),
  autostart: z.boolean(),
  startSeconds: nonNegative,
  stopSeconds: nonNegative,
  /** How long after it was proved a program is watched for a crash loop. */
  watchMs: nonNegative,
});
export type ProgramPlan = z.infer<typeof ProgramPlan>;

export const SharedPlan = z.object({
  dirs: strings,
  files: strings,
});

/** Everything a host needs to know of deploy.yml. Sent with each command; a host keeps no copy of the config. */
export const ProjectPlan = z.object({
  project: z.string(),
  deployTo: z.string(),
  supervisor: SupervisorAddress,
  programs: z.array(ProgramPlan),
  shared: SharedPlan,
  /** How many good releases stay. */
  keep: nonNegative,
  /** `normalize`: a+rX,go-w; `preserve`: as built. */
  modes: z.enum(["normalize", "preserve"]),
  /** `required`: refuse (exit 5) where a process of another user can not be looked into. */
  proof: z.enum(["best", "required"]),
});
export type ProjectPlan = z.infer<typeof ProjectPlan>;

/** Who asks, for the lock and the ledger. */
export const Actor = z.object({
  user: z.string(),
  host: z.string(),
  /** URL of the CI run, where there is one. */
  run: z.optional(z.string()),
});
export type Actor = z.infer<typeof Actor>;

// ---------------------------------------------------------------------------------------------------------------------
// Releases
// ---------------------------------------------------------------------------------------------------------------------

/** One entry of a build. `path` is relative, with `/`; bytes that are no UTF-8 are refused when the build is read. */
export const ManifestEntry = z.discriminatedUnion("type", [
  z.object({ type: z.literal("file"), path: z.string(), mode: nonNegative, size: nonNegative, sha256: z.string() }),
  z.object({ type: z.literal("dir"), path: z.string(), mode: nonNegative }),
  z.object({ type: z.literal("link"), path: z.string(), target: z.string() }),
]);
export type ManifestEntry = z.infer<typeof ManifestEntry>;

export const Revision = z.object({ commit: z.string(), dirty: z.boolean() });
export type Revision = z.infer<typeof Revision>;

/** Every file of a release. `digest` is the sha256 over the canonical entries (agent/core/manifest.ts). */
export const Manifest = z.object({
  tag: z.string(),
  digest: z.string(),
  entries: z.array(ManifestEntry),
  revision: z.optional(Revision),
});
export type Manifest = z.infer<typeof Manifest>;

/** What became of a release, by the ledger alone. */
export const Verdict = z.enum(["staged", "activating", "good", "bad", "withdrawn", "removed", "unknown"]);
export type Verdict = z.infer<typeof Verdict>;

export const ReleaseInfo = z.object({
  tag: z.string(),
  digest: z.optional(z.string()),
  verdict: Verdict,
  /** ISO 8601, of the last thing the ledger says of it. */
  at: z.optional(z.string()),
  by: z.optional(Actor),
  revision: z.optional(Revision),
  isCurrent: z.boolean(),
  /** Whether `releases/<tag>` is there. */
  isPresent: z.boolean(),
  /** Which of the releases that were ever proved was proved last: the higher the later. Absent: never proved. */
  provedRank: z.optional(nonNegative),
  /** Supervisor's names of the programs that really run this release, by the device and inode of their exe or cwd. */
  runs: strings,
});
export type ReleaseInfo = z.infer<typeof ReleaseInfo>;

// ---------------------------------------------------------------------------------------------------------------------
// Programs
// ---------------------------------------------------------------------------------------------------------------------

/** supervisor/states.py, ProcessStates. */
export const ProcessStateName = z.enum([
  "STOPPED",
  "STARTING",
  "RUNNING",
  "BACKOFF",
  "STOPPING",
  "EXITED",
  "FATAL",
  "UNKNOWN",
]);
export type ProcessStateName = z.infer<typeof ProcessStateName>;

/** getProcessInfo's members that zdr shows (supervisor/rpcinterface.py). */
export const ProcessInfo = z.object({
  name: z.string(),
  group: z.string(),
  state: z.number(),
  statename: z.string(),
  description: z.string(),
  pid: z.number(),
  start: z.number(),
  stop: z.number(),
  now: z.number(),
  spawnerr: z.string(),
  exitstatus: z.number(),
  stdout_logfile: z.string(),
  stderr_logfile: z.string(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;

export const LintFinding = z.object({
  rule: z.string(),
  /** `refuse`: a deploy would break the program; `warn`: it would be worse than it needs to be. */
  level: z.enum(["refuse", "warn"]),
  text: z.string(),
  fix: z.string(),
});
export type LintFinding = z.infer<typeof LintFinding>;

export const ProgramSurvey = z.object({
  name: z.string(),
  process: z.string(),
  /** Absent: supervisor does not know it. */
  info: z.optional(ProcessInfo),
  /** The release that its process really runs, where that can be told. */
  runs: z.optional(z.string()),
  findings: z.array(LintFinding),
});
export type ProgramSurvey = z.infer<typeof ProgramSurvey>;

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
  /** A command before this one died in the middle, and what became of it. */
  recovered: z.optional(z.string()),
  /** The release that was asked about serves already, and the host has been settled. */
  unchanged: z.optional(z.lazy(() => Unchanged)),
  warnings: strings,
});
export type Survey = z.infer<typeof Survey>;

// ---------------------------------------------------------------------------------------------------------------------
// What an activation did
// ---------------------------------------------------------------------------------------------------------------------

export const MeterCount = z.object({
  sent: nonNegative,
  /** Refused, reset, cut, timed out or 5xx. */
  failed: nonNegative,
  /** Kept-alive connections that the server closed between two answers; not failures. */
  reconnects: nonNegative,
  slowestMs: z.number(),
});
export type MeterCount = z.infer<typeof MeterCount>;

export const ProgramReport = z.object({
  name: z.string(),
  process: z.string(),
  action: z.enum(["none", "start", "reload", "restart"]),
  before: z.object({ release: z.optional(z.string()), pid: z.number(), state: z.string() }),
  after: z.object({ release: z.optional(z.string()), pid: z.number(), state: z.string() }),
  /** From the signal or start until the new release was ready. */
  readyMs: z.optional(z.number()),
  /** Of a stop and start: from the stop until the new release was ready. */
  gapMs: z.optional(z.number()),
  /** From the signal until the last old process was gone; absent: it still drains. */
  oldGoneMs: z.optional(z.number()),
  /** How many processes of the old generation were still there when the report was made. */
  draining: nonNegative,
  /** What the verdict rests on. */
  proof: z.enum(["processes", "health only", "state only", "none"]),
  evidence: strings,
  meter: z.optional(z.object({ baseline: MeterCount, during: MeterCount })),
});
export type ProgramReport = z.infer<typeof ProgramReport>;

// ---------------------------------------------------------------------------------------------------------------------
// Failures: data only. The words stand in cli/explain.ts
// ---------------------------------------------------------------------------------------------------------------------

const failure = <Reason extends string, Shape extends z.core.$ZodLooseShape>(reason: Reason, shape: Shape) =>
  z.object({ reason: z.literal(reason), ...shape });

/** Built with the first failure: it is more than half of all schemas, and most sessions have none. */
export const AgentFailure = z.lazy(() =>
  z.discriminatedUnion("reason", [
    // the session
    failure("bad-request", { detail: z.string() }),
    failure("unsupported", { verb: z.string() }),
    failure("internal", { detail: z.string() }),
    failure("interrupted", {}),
    // the host
    failure("layout-missing", { path: z.string() }),
    failure("not-a-folder", { path: z.string() }),
    failure("current-not-a-link", { path: z.string() }),
    failure("current-missing", { path: z.string(), running: z.string(), runs: z.optional(z.string()) }),
    failure("current-outside", { path: z.string(), target: z.string() }),
    failure("foreign-owner", { path: z.string(), ownerUid: z.number(), uid: z.number() }),
    failure("unsafe-mode", { path: z.string(), mode: z.number() }),
    failure("not-permitted", { path: z.string(), operation: z.string(), user: z.string() }),
    failure("io", { path: z.string(), operation: z.string(), code: z.string() }),
    failure("no-space", { path: z.string(), needBytes: z.number(), freeBytes: z.number() }),
    failure("no-inodes", { path: z.string(), need: z.number(), free: z.number() }),
    failure("locked", { by: Actor, why: z.string(), since: z.string(), pid: z.number() }),
    failure("ledger-damaged", { path: z.string(), line: z.number() }),
    // releases
    failure("release-differs", { tag: z.string(), stagedDigest: z.string(), digest: z.string() }),
    failure("release-missing", { tag: z.string() }),
    failure("release-damaged", { tag: z.string(), path: z.string() }),
    failure("nothing-deployed", {}),
    failure("no-good-release", { current: z.optional(z.string()) }),
    failure("unsafe-path", { path: z.string(), problem: z.string() }),
    failure("file-corrupt", { path: z.string() }),
    failure("upload-cut", { detail: z.string() }),
    failure("shared-conflict", { path: z.string() }),
    failure("shared-missing", { path: z.string() }),
    // supervisor
    failure("supervisor-not-found", { searched: strings }),
    failure("supervisor-config", { path: z.string(), detail: z.string() }),
    failure("supervisor-not-running", { url: z.string(), code: z.string() }),
    failure("supervisor-not-permitted", { url: z.string(), user: z.string() }),
    failure("supervisor-unauthorized", { url: z.string() }),
    failure("supervisor-silent", { url: z.string(), timeoutMs: z.number() }),
    failure("supervisor-shutting-down", { url: z.string() }),
    failure("supervisor-answer", { url: z.string(), detail: z.string() }),
    failure("supervisor-fault", { method: z.string(), code: z.number(), text: z.string() }),
    // programs, before anything is changed
    failure("program-unknown", { program: z.string(), process: z.string() }),
    failure("program-state-unknown", { program: z.string(), pid: z.number() }),
    failure("program-refused", { program: z.string(), findings: z.array(LintFinding) }),
    failure("signal-unsafe", { program: z.string(), pid: z.number(), uid: z.number(), supervisorUid: z.number() }),
    failure("preflight", {
      program: z.string(),
      path: z.string(),
      problem: z.enum([
        "missing",
        "not-a-file",
        "not-readable",
        "not-executable",
        "empty",
        "wrong-machine",
        "bad-format",
        "no-interpreter",
        "check-failed",
      ]),
      detail: z.string(),
    }),
    failure("proof-unavailable", { program: z.string(), pid: z.number(), uid: z.number() }),
    // programs, after the flip
    failure("start-failed", { program: z.string(), state: z.string(), detail: z.string() }),
    failure("crashed", { program: z.string(), state: z.string(), detail: z.string() }),
    failure("not-ready", { program: z.string(), timeoutMs: z.number(), detail: z.string() }),
    failure("unhealthy", { program: z.string(), timeoutMs: z.number(), lastProbe: z.string() }),
    failure("wrong-release", { program: z.string(), pid: z.number(), runs: z.string(), want: z.string() }),
    failure("stop-timeout", { program: z.string(), pid: z.number(), timeoutMs: z.number() }),
  ]),
);
export type AgentFailure = z.infer<typeof AgentFailure>;
export type AgentFailureReason = AgentFailure["reason"];

export const ActivationReport = z.object({
  /**
   * `kept`: the new release serves and was proved. `unchanged`: it did so before. `reverted`: as before, verified.
   * `stuck`: neither could be proved.
   */
  outcome: z.enum(["kept", "unchanged", "reverted", "stuck"]),
  tag: z.string(),
  previous: z.optional(z.string()),
  programs: z.array(ProgramReport),
  failure: z.optional(AgentFailure),
  /** Of a revert that failed too. */
  revertFailure: z.optional(AgentFailure),
  /** What `current` names and each program runs now, in words for the state line of a host. */
  serves: z.optional(z.string()),
  /** Last lines of the failed program's own log since the flip. */
  log: z.array(z.object({ program: z.string(), line: z.string() })),
  flipToDoneMs: z.number(),
  warnings: strings,
});
export type ActivationReport = z.infer<typeof ActivationReport>;

// ---------------------------------------------------------------------------------------------------------------------
// CLI -> agent
// ---------------------------------------------------------------------------------------------------------------------

export const LockRequest = z.object({ by: Actor, why: z.string() });
/** What a deploy is about to put there. Where it serves already, `survey` does all of the deploy (with `lock` only). */
export const ReleaseName = z.object({ tag: z.string(), digest: z.string() });

const requestShapes = {
  /** supervisorctl's `status`, printed by the host itself. */
  status: { supervisor: SupervisorAddress, names: strings, project: z.optional(ProjectPlan) },
  /** Read the host; with `lock`, take its lock first (kept until `settle` or the end of the session). */
  survey: { project: ProjectPlan, lock: z.optional(LockRequest), release: z.optional(ReleaseName) },
  /** What the host lacks of a release. With `dryRun`, nothing is written. */
  stage: { manifest: Manifest, dryRun: z.boolean() },
  /** The tar stream of what was missing follows in `data` frames; the reply comes when the release is published. */
  upload: {},
  /** Flip, start or reload, prove, keep or revert. */
  activate: { tag: z.string(), why: z.enum(["deploy", "rollback"]) },
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
  request("survey"),
  request("stage"),
  request("upload"),
  request("activate"),
  request("settle"),
  request("control"),
  request("setup"),
  z.object({ verb: z.literal("beat") }),
  /** `bytes` raw bytes follow this line; 0 ends the upload. */
  z.object({ verb: z.literal("data"), bytes: nonNegative }),
  /** Undo what was not activated, give the lock up and end. */
  z.object({ verb: z.literal("abort") }),
]);
export type Request = z.infer<typeof Request>;
export type Verb = keyof typeof requestShapes;
export type RequestOf<V extends Verb> = Extract<Request, { verb: V }>;

// ---------------------------------------------------------------------------------------------------------------------
// agent -> CLI
// ---------------------------------------------------------------------------------------------------------------------

export const StatusResult = z.object({
  /** Exactly what supervisorctl would print, and its exit code. */
  stdout: z.string(),
  exit: nonNegative,
  processes: z.array(ProcessInfo),
  /** With `project`: which release each process really runs. */
  runs: z.array(z.object({ process: z.string(), release: z.string() })),
});
export type StatusResult = z.infer<typeof StatusResult>;

export const StageResult = z.object({
  /** True: `releases/<tag>` is there with this very content, and nothing has to be sent. */
  staged: z.boolean(),
  /** Indices into the manifest's entries of the files to send. */
  missing: z.array(nonNegative),
  missingBytes: nonNegative,
  /** Bytes that are copied on the host from releases that it has. */
  copiedBytes: nonNegative,
});
export type StageResult = z.infer<typeof StageResult>;

export const UploadResult = z.object({
  published: z.string(),
  receivedBytes: nonNegative,
  /** What making the release durable cost. */
  durableMs: z.number(),
});
export type UploadResult = z.infer<typeof UploadResult>;

export const SettleResult = z.object({ pruned: strings, warnings: strings });
export type SettleResult = z.infer<typeof SettleResult>;

/** What `activate` and `settle` would have answered, in this order and with nothing changed. */
export const Unchanged = z.object({ report: ActivationReport, settled: SettleResult });
export type Unchanged = z.infer<typeof Unchanged>;

export const ControlResult = z.object({
  programs: z.array(
    z.object({
      name: z.string(),
      process: z.string(),
      /** What was done, in a word: `started`, `already started`, … */
      done: z.string(),
      info: ProcessInfo,
      gapMs: z.optional(z.number()),
    }),
  ),
  /** Of the program after the last one listed: it was told something, and did not get there. No further one was told. */
  failure: z.optional(AgentFailure),
});
export type ControlResult = z.infer<typeof ControlResult>;

export const SetupResult = z.object({
  /** Sentences of what was made, changed or found in order. */
  done: strings,
  /** What this user has no right to do: for an administrator, ready to paste. */
  administrator: z.array(
    z.object({
      why: z.string(),
      commands: strings,
      file: z.optional(z.object({ path: z.string(), content: z.string() })),
    }),
  ),
  findings: z.array(z.object({ program: z.string(), finding: LintFinding })),
});
export type SetupResult = z.infer<typeof SetupResult>;

export const results = {
  status: StatusResult,
  survey: Survey,
  stage: StageResult,
  upload: UploadResult,
  activate: ActivationReport,
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
  z.object({ event: z.literal("warning"), text: z.string() }),
]);
export type AgentEvent = z.infer<typeof AgentEvent>;

export const Reply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hello"), protocol: nonNegative, agent: z.string(), node: z.string(), pid: nonNegative }),
  z.object({ kind: z.literal("beat") }),
  z.object({ kind: z.literal("event"), id: nonNegative, event: AgentEvent }),
  z.object({ kind: z.literal("result"), id: nonNegative, result: z.unknown() }),
  z.object({ kind: z.literal("failure"), id: nonNegative, failure: AgentFailure }),
]);
export type Reply = z.infer<typeof Reply>;

// ---------------------------------------------------------------------------------------------------------------------
// What both sides must spell the same way
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The text whose sha256 is a build's digest: one JSON array a line, in code-unit order of the paths. Two builds with the
 * same digest have the same files, modes, links and folders.
 */
export function canonicalManifest(entries: readonly ManifestEntry[]): string {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  let text = "";
  for (const entry of sorted) {
    const fields =
      entry.type === "file"
        ? ["f", entry.path, entry.mode, entry.size, entry.sha256]
        : entry.type === "dir"
          ? ["d", entry.path, entry.mode]
          : ["l", entry.path, entry.target];
    text += `${JSON.stringify(fields)}\n`;
  }
  return text;
}

/** Tags name folders, so they are held to what every file system, shell listing and log line can show. */
export const TAG_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
