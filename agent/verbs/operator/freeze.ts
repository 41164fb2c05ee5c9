/** `freeze` and `unfreeze`: what an operator wants of all commands to come. The lock is not needed, so nobody is waited for. */
import { layoutOf } from "../../core/layout.ts";
import { endFreeze, writeFreeze } from "../../io/freeze.ts";
import { lockHolder } from "../../io/lock.ts";
import { checkLayout } from "../../io/trust.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import type { FreezeResult, UnfreezeResult } from "../../wire/freeze.ts";

export async function runFreeze(_session: Session, { deployTo, freeze }: RequestOf<"freeze">): Promise<FreezeResult> {
  const layout = layoutOf(deployTo);
  checkLayout(layout);
  writeFreeze(layout, freeze, new Date());
  const holder = lockHolder(layout);
  if (holder === undefined) return {};
  const { by, why, since, pid } = holder;
  return { atWork: { by, why, since, pid } };
}

export async function runUnfreeze(_session: Session, { deployTo }: RequestOf<"unfreeze">): Promise<UnfreezeResult> {
  const layout = layoutOf(deployTo);
  checkLayout(layout);
  const ended = endFreeze(layout, new Date());
  return ended === undefined ? {} : { ended };
}
