/** How one activation ended, by the ledger. */
import type { LedgerEntry } from "../ledger.ts";

export interface ActivationEnd {
  readonly outcome: "kept" | "reverted" | "stuck";
  readonly tag: string;
  /** What was current before it. */
  readonly from: string | undefined;
}

/** Undefined: it has not ended, or the ledger knows of no such activation. */
export function activationEnd(entries: readonly LedgerEntry[], activation: string): ActivationEnd | undefined {
  const own = entries.filter((entry) => "activation" in entry && entry.activation === activation);
  const from = own.flatMap((entry) => (entry.event === "activating" ? [entry.from] : []))[0];
  for (const { event, tag } of [...own].reverse()) {
    if (event === "good") return { outcome: "kept", tag, from };
    if (event === "reverted" || event === "stuck") return { outcome: event, tag, from };
    // Begun anew by whoever came after a dead agent.
    if (event === "activating") return undefined;
  }
  return undefined;
}
