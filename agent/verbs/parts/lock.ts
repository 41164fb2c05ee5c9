/** The host's lock in the course of a session. */
import type { Layout } from "../../core/layout.ts";
import { refuseFrozen } from "../../io/freeze.ts";
import { takeLock } from "../../io/lock.ts";
import type { AgentEvent, LockRequest } from "../../protocol.ts";
import type { Session } from "../../session.ts";

/**
 * Takes the lock for this session, unless it has it. Fails with `locked`, with `frozen`, or with `interrupted` when nobody
 * listens any more.
 */
export async function holdLock(
  session: Session,
  layout: Layout,
  { by, why, waitMs = 0, ignoresFreeze = false }: LockRequest,
  emit: (event: AgentEvent) => void,
): Promise<void> {
  session.by = by;
  if (session.lock !== undefined) return;
  // Asked once more when the lock is there: whoever froze the host in between knew of nobody at work.
  if (!ignoresFreeze) refuseFrozen(layout, new Date());
  session.lock = await takeLock(layout, { by, why }, () => new Date(), {
    waitMs,
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    gone: session.wire.gone,
    tell: ({ by, why, since, pid }, leftMs) => emit({ event: "waiting", by, why, since, pid, leftMs }),
  });
  if (ignoresFreeze) return;
  try {
    refuseFrozen(layout, new Date());
  } catch (error) {
    giveLockUp(session);
    throw error;
  }
}

export function giveLockUp(session: Session): void {
  session.lock?.release();
  session.lock = undefined;
}
