/**
 * What is said on `run/<program>/keeper.sock`: one JSON object a line, both ways; docs in the schemas. Any number of
 * clients, any number of requests on each. Keys that are not known are ignored on both sides, and a verb that is not
 * known is answered `unsupported`, so that an older keeper goes on working under a newer agent.
 */
import * as z from "zod/mini";

export const CONTROL_VERSION = 1;
/** Of a request. */
export const CONTROL_LINE_LIMIT_BYTES = 256 * 1024;

const id = z.number().check(z.int(), z.gte(0));
const pid = z.number().check(z.int(), z.gt(0));
const processName = { pid, startTicks: z.number().check(z.int(), z.gte(0)) };

/**
 * - `state`: looks at every process now, and answers `state`
 * - `reload`: answers `queued` (another one is under way, or the first start has not accepted yet) if so, then `started`,
 *   then `ready` or `failed`. With `handover` and no signal in the spec the program is to be asked by whoever reads `started`
 * - `asked`: the program has heard that it is to hand over, and answered so; answers `noted`. It forks soon, or not at all
 * - `abort`: ends what is not ready, answers `aborted`; a reload under way fails with `aborted`. Where nothing else is
 *   left, the program is started again through `current`
 * - `compare`: answers `compared`: what of the program was started otherwise than that says
 * - `prove`: looks into processes, as the root-owned helper does, with the rights of the program's user; answers `proof`
 */
export const ControlRequest = z.object({
  id,
  verb: z.string(),
  /** Of `prove`: as agent/core/process/prove-text.ts writes it. Of `compare`: what run/<program>.json would say. */
  question: z.optional(z.string()),
});
export type ControlRequest = z.infer<typeof ControlRequest>;

const status = z.union([z.object({ code: z.number() }), z.object({ signal: z.number() }), z.literal("unknown")]);

export const GenerationState = z.object({
  ...processName,
  stage: z.enum(["starting", "ready", "draining", "dismissed"]),
  /** `stage` is `ready`: it accepted when that was last looked at. */
  ready: z.boolean(),
  draining: z.boolean(),
  /** Past `readyMs`, and has not accepted. */
  late: z.boolean(),
  /** Its processes that accept on a listening socket right now. */
  accepting: z.array(pid),
  /** Accepted connections that its processes have open, while it drains; absent: it does not, or that can not be told. */
  connections: z.optional(z.number()),
  /** Device and inode of what the main process executes and where it works; absent: not for the keeper to see. */
  exe: z.optional(z.tuple([z.string(), z.string()])),
  cwd: z.optional(z.tuple([z.string(), z.string()])),
});
export type GenerationState = z.infer<typeof GenerationState>;

export const ControlReply = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("state"),
    id,
    v: z.number(),
    keeper: z.object(processName),
    /** The file that runs: `keeper-<hash>.cjs`. */
    bundle: z.string(),
    strategy: z.enum(["handover", "socket"]),
    phase: z.enum(["idle", "serving", "ending", "stopping", "ended"]),
    /** Oldest first. */
    generations: z.array(GenerationState),
    reloading: z.boolean(),
    queued: z.boolean(),
  }),
  z.object({ event: z.literal("queued"), id }),
  z.object({ event: z.literal("started"), id, generations: z.array(z.object(processName)) }),
  z.object({ event: z.literal("ready"), id, ...processName }),
  z.object({
    event: z.literal("failed"),
    id,
    /** `ReloadFailure` of machine/model.ts; a newer keeper may know more. */
    reason: z.string(),
    detail: z.optional(z.string()),
    status: z.optional(status),
  }),
  z.object({ event: z.literal("aborted"), id, ended: z.array(pid) }),
  z.object({ event: z.literal("noted"), id }),
  /** As `specDifferences` of spec.ts names them; empty also where nothing has been started yet. */
  z.object({ event: z.literal("compared"), id, differs: z.array(z.string()) }),
  /** `answer`: as agent/core/process/prove-answer.ts reads it. */
  z.object({ event: z.literal("proof"), id, answer: z.string() }),
  z.object({ event: z.literal("unsupported"), id, verb: z.string() }),
  z.object({ event: z.literal("bad-request"), id: z.nullable(id) }),
]);
export type ControlReply = z.infer<typeof ControlReply>;
