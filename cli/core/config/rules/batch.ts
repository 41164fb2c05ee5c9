/** One step of a rollout: `1`, `5`, `25%`. */
import type { BatchSize } from "../../fleet/rollout.ts";
import { type Checked, complain } from "./checked.ts";

export function checkBatch(input: string | number): Checked<BatchSize> {
  const text = String(input).trim();
  const percent = /^(\d{1,3})\s*%$/.exec(text)?.[1];
  if (percent !== undefined) {
    const share = Number(percent);
    return share >= 1 && share <= 100 ? { ok: { percent: share } } : complain("is no share from 1% to 100%");
  }
  return /^\d{1,6}$/.test(text) && Number(text) >= 1
    ? { ok: { hosts: Number(text) } }
    : complain("is neither a number of hosts nor a share of them", 'such as 1 or "25%"');
}
