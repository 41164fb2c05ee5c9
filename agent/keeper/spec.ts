/**
 * `run/<program>.json`: what the keeper runs and how. The agent writes it (by rename), the keeper reads it before each start of the
 * program and each reload, so that a changed argv or environment needs no restart. An older keeper reads what a newer
 * agent wrote: keys that it does not know are ignored.
 */
import { posix } from "node:path";
import * as z from "zod/mini";
import type { Settings } from "./machine/model.ts";

export const SPEC_VERSION = 1;
/** unix(7): sun_path has 108 bytes, one of them for the end. */
export const SOCKET_PATH_LIMIT_BYTES = 107;

/** What may ask for a reload, or be passed on. TERM and INT stop the keeper; KILL and STOP nobody hears. */
export const PASSED_SIGNALS = ["HUP", "USR1", "USR2", "QUIT", "WINCH", "TTIN", "TTOU"] as const;
const STOP_SIGNALS = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"] as const;

/** It travels in LISTEN_FDNAMES, between colons. */
const socketName = z.string().check(z.regex(/^[A-Za-z0-9_.-]+$/));
const milliseconds = z.number().check(z.int(), z.gte(0), z.lte(2 ** 31 - 1));
const absolutePath = z.string().check(z.regex(/^\/[^\0]*$/));
const word = z.string().check(z.regex(/^[^\0]*$/));

export const ListenAddress = z.union([
  /** `host`: an address in numbers, `0.0.0.0` or `::` for all. */
  z.object({
    name: socketName,
    host: z.string().check(z.regex(/^[0-9a-fA-F.:]+$/)),
    port: z.number().check(z.int(), z.gte(1), z.lte(65_535)),
  }),
  /** `mode`: of the socket's file; default 0660. */
  z.object({
    name: socketName,
    path: absolutePath,
    mode: z.optional(z.number().check(z.int(), z.gte(0), z.lte(0o777))),
  }),
]);
export type ListenAddress = z.infer<typeof ListenAddress>;

export const KeptProgram = z.object({
  v: z.literal(SPEC_VERSION),
  program: z.string(),
  /** The link that says which release serves; the program finds it in ZDR_CURRENT. */
  current: absolutePath,
  /** argv, filled in, through `current`. A relative first word is looked for under `cwd`, or in PATH if it has no `/`. */
  command: z.array(word).check(z.minLength(1)),
  /** Added to the keeper's own environment. */
  environment: z.record(z.string().check(z.regex(/^[^=\0]+$/)), word),
  /** Where the program is started, and its PWD: a path through `current` stays one for programs that believe PWD. */
  cwd: absolutePath,
  strategy: z.enum(["handover", "socket"]),
  /** Asks the program (`handover`) or the keeper (`socket`, default HUP) for a reload. */
  signal: z.optional(z.enum(PASSED_SIGNALS)),
  /** Ends a generation; default TERM. */
  stopSignal: z.optional(z.enum(STOP_SIGNALS)),
  /** `handover`: sent to the old generation once its successor is ready, for programs that do not end it themselves. */
  oldSignal: z.optional(z.enum(STOP_SIGNALS)),
  /** How long an old generation, or all of them at a stop, may take to finish. */
  drainMs: milliseconds,
  /** What becomes of an old generation that has had that long; at a stop it is ended in any case. Default end. */
  pastDrain: z.optional(z.enum(["end", "leave"])),
  /** How long a generation may take until it accepts. */
  readyMs: milliseconds,
  /** `socket`: what the keeper listens on, passed from fd 3 in this order. */
  listen: z._default(z.array(ListenAddress), []),
});
export type KeptProgram = z.infer<typeof KeptProgram>;

export type SpecResult = { readonly spec: KeptProgram } | { readonly problem: string };

export function parseSpec(text: string): SpecResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is no JSON" };
  }
  const parsed = z.safeParse(KeptProgram, value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `${issue?.path.join(".") || "it"}: ${issue?.message ?? "not valid"}` };
  }
  const problem = listenProblem(parsed.data);
  return problem === undefined ? { spec: parsed.data } : { problem };
}

function listenProblem({ strategy, listen }: KeptProgram): string | undefined {
  if (strategy === "handover") return undefined;
  if (listen.length === 0) return "listen: strategy socket needs at least one address";
  if (new Set(listen.map(({ name }) => name)).size < listen.length) return "listen: two addresses have one name";
  const long = listen.find((address) => "path" in address && isTooLong(address.path));
  return long === undefined ? undefined : `listen.${long.name}: its path is over ${SOCKET_PATH_LIMIT_BYTES} bytes`;
}

export function isTooLong(socketPath: string): boolean {
  return Buffer.byteLength(socketPath) > SOCKET_PATH_LIMIT_BYTES;
}

/**
 * What of a program that was started by `started` is otherwise in `wanted`: `strategy`, `command`, `cwd`, `listen`, and
 * `environment.NAME` for each variable. Names only: a value may be a secret.
 */
export function specDifferences(started: KeptProgram, wanted: KeptProgram): string[] {
  const parts = (["strategy", "command", "cwd"] as const).filter((key) => !isSame(started[key], wanted[key]));
  const listens = isSame(started.listen.map(placeOf), wanted.listen.map(placeOf)) ? [] : ["listen"];
  const names = [...new Set([...Object.keys(started.environment), ...Object.keys(wanted.environment)])].sort();
  const changed = names.filter((name) => started.environment[name] !== wanted.environment[name]);
  return [...parts, ...listens, ...changed.map((name) => `environment.${name}`)];
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What of an address only a socket of its own can have. */
export function placeOf(address: ListenAddress): readonly unknown[] {
  return "path" in address ? [address.path] : [address.host, address.port];
}

export function settingsOf(spec: KeptProgram): Settings {
  const { strategy, signal, stopSignal = "TERM", oldSignal, drainMs, pastDrain = "end", readyMs } = spec;
  return { strategy, signal, stopSignal, oldSignal, drainMs, pastDrain, readyMs };
}

export interface KeeperPaths {
  readonly spec: string;
  readonly folder: string;
  readonly control: string;
  /** Which processes this keeper has, for the next one if it is killed. */
  readonly state: string;
}

/** `run/shop.json` and `run/shop/`. */
export function keeperPaths(spec: string): KeeperPaths {
  const folder = spec.replace(/\.json$/, "");
  return { spec, folder, control: posix.join(folder, "keeper.sock"), state: posix.join(folder, "keeper.json") };
}
