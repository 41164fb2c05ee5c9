/**
 * The locks of the hosts of one command.
 *
 * - Without `--wait` each host's lock is taken with the first question, all at once.
 * - With it, nobody waits for one host while it holds another that somebody else may wait for: first all are tried at
 *   once; where one is taken already, those that were got are given up, and they are taken one after the other, in an
 *   order that is the same for every command. So two commands never wait for each other.
 */
import type { LockRequest } from "../../../agent/protocol.ts";
import type { HostTarget } from "../../core/plan.ts";
import { waitMsOf } from "../../core/wait.ts";
import { ZdrError } from "../../failure.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import type { HostOptions, Opened } from "./open.ts";
import { isUnreachable, type UnreachableOptions } from "./unreachable.ts";

/** Flags of every verb that takes the lock. */
export interface LockOptions extends HostOptions {
  readonly wait?: string;
}

/** Flags of those that put another release in charge. */
export interface FreezableOptions extends LockOptions {
  readonly ignoreFreeze?: boolean;
}

export function lockRequest(run: Run, why: string, { wait, ignoreFreeze = false }: FreezableOptions): LockRequest {
  const waitMs = waitMsOf(wait);
  return {
    ...{ by: run.actor, why },
    ...(waitMs === 0 ? {} : { waitMs }),
    ...(ignoreFreeze ? { ignoresFreeze: true } : {}),
  };
}

/** Whether the locks are taken before anything else is asked. */
export function isLockedFirst({ targets }: Pick<Opened, "targets">, lock: LockRequest): boolean {
  return targets.length > 1 && lock.waitMs !== undefined;
}

/** What is needed of a fleet. */
export type LockedFleet = Pick<Fleet<HostTarget>, "hosts" | "onOne" | "onEvent">;

/**
 * Takes the locks where that comes first. A host that can not be reached is left to whoever asks next where it may be passed over. False: a lock
 * was not to be had, which is noted with its host.
 */
export async function takeLocks(
  opened: Pick<Opened, "plan" | "targets">,
  fleet: LockedFleet,
  lock: LockRequest,
  { skipUnreachable = false }: UnreachableOptions = {},
): Promise<boolean> {
  const { waitMs } = lock;
  if (waitMs === undefined || !isLockedFirst(opened, lock)) return true;
  const { deployTo } = opened.plan;
  const deadline = performance.now() + waitMs;
  const { waitMs: _, ...atOnce } = lock;
  const tried = await Promise.all(fleet.hosts.map((host) => tryLock(host, { deployTo, lock: atOnce })));
  if (!tried.includes("held")) return true;
  await Promise.all(fleet.hosts.map((host, index) => (tried[index] === "taken" ? unlock(host) : undefined)));
  const isGone = (trial: Trial | undefined) => trial instanceof ZdrError && isUnreachable(trial.failure);
  // Nobody waits for a lock where the command will end at another host.
  const ends = fleet.hosts.flatMap((host, index) => {
    const trial = tried[index];
    return trial instanceof ZdrError && !(skipUnreachable && isGone(trial)) ? [{ host, trial }] : [];
  });
  const fail = ({ host, trial }: (typeof ends)[number]) => fleet.onOne(host, "lock", () => Promise.reject(trial));
  await Promise.all(ends.map(fail));
  if (ends.length > 0) return false;
  for (const host of inTurn(opened, fleet)) {
    if (isGone(tried[fleet.hosts.indexOf(host)])) continue;
    const left = Math.max(0, Math.round(deadline - performance.now()));
    const isTaken = await fleet.onOne(host, "lock", async (_, session) => {
      await session.request("lock", { deployTo, lock: { ...lock, waitMs: left } }, fleet.onEvent(host));
      return undefined;
    });
    if (!isTaken) return false;
  }
  return true;
}

/** What came of the first try; an error: what else is wrong there. Where all is free, whoever asks next is told. */
type Trial = "taken" | "held" | ZdrError;

async function tryLock(
  { session }: FleetHost,
  body: { readonly deployTo: string; readonly lock: LockRequest },
): Promise<Trial> {
  try {
    await (await session).request("lock", body);
    return "taken";
  } catch (error) {
    if (!(error instanceof ZdrError)) throw error;
    const { failure } = error;
    return failure.kind === "agent" && failure.failure.reason === "locked" ? "held" : error;
  }
}

async function unlock({ session }: FleetHost): Promise<void> {
  try {
    await (await session).request("unlock", {});
  } catch (error) {
    // Its link has broken; whoever asks next is told.
    if (!(error instanceof ZdrError)) throw error;
  }
}

/** By where the hosts are, not by what a deploy.yml calls them or how it lists them. */
function inTurn({ targets }: Pick<Opened, "targets">, fleet: LockedFleet): readonly FleetHost[] {
  const placeOf = (target: HostTarget | undefined) =>
    target?.kind === "ssh" ? `${target.address}:${target.port}` : (target?.name ?? "");
  // By name: hosts that were passed over are targets all the same.
  return fleet.hosts
    .map((host) => ({ host, place: placeOf(targets.find(({ name }) => name === host.name)) }))
    .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))
    .map(({ host }) => host);
}
