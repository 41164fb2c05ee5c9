/** `hook`: the hooks of one moment that the CLI sees come: those of staging, and those that run on one host of a command. */

import { readCurrent } from "../io/current.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { lockedContext } from "../verbs/parts/open.ts";
import { runHooks } from "./hooks.ts";

export async function runHookVerb(
  session: Session,
  { when, tag, why, once }: RequestOf<"hook">,
  emit: (event: AgentEvent) => void,
): Promise<object> {
  const context = lockedContext(session, emit);
  const facts = { when, tag, why, once, previous: readCurrent(context.layout) };
  await runHooks(context, facts, session.wire.gone);
  return {};
}
