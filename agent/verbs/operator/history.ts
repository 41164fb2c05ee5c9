/** `history`: what happened here, activation by activation. Reads the ledger and looks who is at work; changes nothing. */
import { layoutOf } from "../../core/layout.ts";
import { historyOf } from "../../core/ledger/history.ts";
import { ledgerWarnings, readLedger } from "../../io/ledger-file.ts";
import { lockHolder } from "../../io/lock.ts";
import { requireOwnZdr } from "../../io/trust.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import type { HistoryResult } from "../../wire/history.ts";

export async function runHistory(_session: Session, { deployTo, limit }: RequestOf<"history">): Promise<HistoryResult> {
  const layout = layoutOf(deployTo);
  requireOwnZdr(layout);
  // Who is at work is asked first: an activation that ends in between has its end in the ledger.
  const isHeld = lockHolder(layout) !== undefined;
  const ledger = readLedger(layout);
  const newestFirst = historyOf(ledger.entries, isHeld).reverse();
  const history = limit === 0 ? newestFirst : newestFirst.slice(0, limit);
  return { history, more: newestFirst.length - history.length, warnings: ledgerWarnings(layout, ledger) };
}
