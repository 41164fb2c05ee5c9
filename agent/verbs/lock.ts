/** `lock` and `unlock`: the host's lock and nothing else, for commands that take those of several hosts one after the other. */
import { layoutOf } from "../core/layout.ts";
import { checkLayout } from "../io/trust.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { giveLockUp, holdLock } from "./parts/lock.ts";

export async function runLock(
  session: Session,
  { deployTo, lock }: RequestOf<"lock">,
  emit: (event: AgentEvent) => void,
): Promise<object> {
  const layout = layoutOf(deployTo);
  checkLayout(layout);
  await holdLock(session, layout, lock, emit);
  return {};
}

export async function runUnlock(session: Session): Promise<object> {
  giveLockUp(session);
  return {};
}
