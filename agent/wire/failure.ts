/** Failures of the agent: data only. The words stand in cli/explain.ts. */
import * as z from "zod/mini";
import { Actor, HOOK_EVENTS } from "./plan.ts";
import { LintFinding } from "./program.ts";
import { strings } from "./scalars.ts";

const failure = <Reason extends string, Shape extends z.core.$ZodLooseShape>(reason: Reason, shape: Shape) =>
  z.object({ reason: z.literal(reason), ...shape });

const holderShape = () => ({
  by: Actor,
  why: z.string(),
  since: z.string(),
  pid: z.number(),
  path: z.string(),
  /** The holder counts as alive only because nobody can tell: its file is damaged, or its pid is of another namespace. */
  doubt: z.optional(z.enum(["unreadable", "elsewhere"])),
});

/** Who holds a host's lock. */
export const Holder = z.lazy(() => z.object(holderShape()));

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
    failure("foreign-owner", {
      path: z.string(),
      ownerUid: z.number(),
      uid: z.number(),
      above: z.optional(z.string()),
    }),
    /** `above`: the deploy_to that stands somewhere below `path`; absent: `path` is the layout's own. */
    failure("unsafe-mode", { path: z.string(), mode: z.number(), above: z.optional(z.string()) }),
    failure("not-permitted", { path: z.string(), operation: z.string(), user: z.string() }),
    /** Who a program's user is: id(1) did not end in time. */
    failure("user-silent", { user: z.string(), timeoutMs: z.number() }),
    /** An upload was not made durable in time; what came of it still lies at `path`. */
    failure("disk-silent", { path: z.string(), timeoutMs: z.number() }),
    failure("io", { path: z.string(), operation: z.string(), code: z.string() }),
    /** `isQuota`: there is room, and not for this user or folder. `needBytes` 0: not known. */
    failure("no-space", {
      path: z.string(),
      needBytes: z.number(),
      freeBytes: z.number(),
      isQuota: z.optional(z.boolean()),
    }),
    failure("no-inodes", { path: z.string(), need: z.number(), free: z.number() }),
    /** `waitedMs`: how long it was waited for in vain. */
    failure("locked", { ...holderShape(), waitedMs: z.optional(z.number()) }),
    failure("frozen", { by: Actor, why: z.string(), since: z.string(), until: z.optional(z.string()) }),
    failure("ledger-damaged", { path: z.string(), line: z.number() }),
    // releases
    failure("release-differs", { tag: z.string(), stagedDigest: z.string(), digest: z.string() }),
    failure("release-missing", { tag: z.string() }),
    failure("release-damaged", { tag: z.string(), path: z.string(), more: z.optional(z.number()) }),
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
    // `config`: what it is started with, where that is a file that supervisord does not find by itself.
    failure("supervisor-not-running", { url: z.string(), code: z.string(), config: z.optional(z.string()) }),
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
        "bad-script",
        "bad-config",
        "check-failed",
      ]),
      detail: z.string(),
    }),
    failure("proof-unavailable", { program: z.string(), pid: z.number(), uid: z.number() }),
    /** `detail`: how it ended, and what it said. */
    failure("hook-failed", { when: z.enum(HOOK_EVENTS), command: z.string(), detail: z.string() }),
    // programs, after the flip
    failure("start-failed", { program: z.string(), state: z.string(), detail: z.string() }),
    failure("crashed", { program: z.string(), state: z.string(), detail: z.string() }),
    /** `startMs`: what of the time is supervisor's startsecs, which stand before the program's own. */
    failure("not-ready", {
      program: z.string(),
      timeoutMs: z.number(),
      startMs: z.optional(z.number()),
      detail: z.string(),
    }),
    failure("not-reloaded", { program: z.string(), detail: z.string() }),
    /**
     * `listens`: where the program does listen, when nobody answered at the address that was asked. `watchedMs`: it had got
     * healthy, and was watched that long.
     */
    failure("unhealthy", {
      program: z.string(),
      timeoutMs: z.number(),
      startMs: z.optional(z.number()),
      lastProbe: z.string(),
      listens: z.optional(strings),
      watchedMs: z.optional(z.number()),
    }),
    /** `wasThere`: the very process served before it was told anything. */
    failure("wrong-release", {
      program: z.string(),
      pid: z.number(),
      runs: z.string(),
      want: z.string(),
      wasThere: z.optional(z.boolean()),
    }),
    failure("stop-timeout", { program: z.string(), pid: z.number(), timeoutMs: z.number() }),
  ]),
);
export type AgentFailure = z.infer<typeof AgentFailure>;
export type AgentFailureReason = AgentFailure["reason"];
