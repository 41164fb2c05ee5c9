/** `outcome`: what became of an activation whose CLI had lost its link. Only looks, and needs no lock. */
import { layoutOf } from "../core/layout.ts";
import { activationEnd } from "../core/ledger/end.ts";
import { readAnswer } from "../io/answer.ts";
import { readLedgerEnd } from "../io/ledger-file.ts";
import { requireOwnZdr } from "../io/trust.ts";
import type { OutcomeResult, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ActivationReport } from "../wire/report.ts";

export async function runOutcome(
  _session: Session,
  { deployTo, activation }: RequestOf<"outcome">,
): Promise<OutcomeResult> {
  const layout = layoutOf(deployTo);
  requireOwnZdr(layout);
  const end = activationEnd(readLedgerEnd(layout), activation);
  if (end === undefined) return {};
  const report = readAnswer(layout, activation);
  return { report: report?.outcome === end.outcome ? report : bareReport(end) };
}

function bareReport({ outcome, tag, from }: NonNullable<ReturnType<typeof activationEnd>>): ActivationReport {
  const warnings = ["of this activation the host knows how it ended, and no more: zdr history"];
  const nothing = { programs: [], log: [], flipToDoneMs: 0, warnings };
  return { outcome, tag, ...nothing, ...(from === undefined ? {} : { previous: from }) };
}
