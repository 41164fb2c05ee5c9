/** What the steps of `setup` write down as they go. In a dry run the same sentences say what would be done. */
import type { SetupResult } from "../wire/setup.ts";

export type AdministratorStep = SetupResult["administrator"][number];

const VERBS = { made: "make", wrote: "write", added: "add", changed: "change" } as const;

export class SetupReport {
  readonly dryRun: boolean;
  readonly done: string[] = [];
  readonly administrator: AdministratorStep[] = [];
  readonly findings: SetupResult["findings"] = [];
  /** Whether nothing was missing or wrong. */
  isInOrder = true;

  constructor(dryRun: boolean) {
    this.dryRun = dryRun;
  }

  /** `made /data/web/shop`, or `would make /data/web/shop`. */
  did(verb: keyof typeof VERBS, what: string): void {
    this.isInOrder = false;
    this.done.push(this.dryRun ? `would ${VERBS[verb]} ${what}` : `${verb} ${what}`);
  }

  result(): SetupResult {
    if (this.isInOrder && this.administrator.length + this.findings.length === 0) this.done.push("all is in order");
    return { done: this.done, administrator: this.administrator, findings: this.findings };
  }
}
