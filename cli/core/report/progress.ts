/** What a verb reports while it works, as data. cli/io/output.ts shows it; nothing else prints. */
import type { AgentEvent } from "../../../agent/protocol.ts";
import type { SourcePlace } from "../../failure.ts";

/** What a verb does with one host, in the order in which it does it. */
export type HostPhase =
  | "connect"
  | "lock"
  | "freeze"
  | "unfreeze"
  | "verify"
  | "survey"
  | "setup"
  | "stage"
  | "upload"
  | "preflight"
  | "activate"
  | "soak"
  | "revert"
  | "control"
  | "hook"
  | "settle";

/** Where deploy.yml says what, by the names in it. */
export interface ConfigPlaces {
  readonly hosts: Readonly<Record<string, SourcePlace>>;
  readonly programs: Readonly<Record<string, SourcePlace>>;
}

export type ProgressEvent =
  /** The config has been read: for those who show failures beside its lines. */
  | ({ readonly kind: "config" } & ConfigPlaces)
  /** Once, before anything else of a verb that wants a tree: who takes part, and which phases may come. */
  | {
      readonly kind: "plan";
      readonly verb: string;
      readonly hosts: readonly string[];
      readonly phases: readonly HostPhase[];
    }
  | {
      readonly kind: "host-phase";
      readonly host: string;
      readonly phase: HostPhase;
      readonly status: "start" | "done" | "failed";
      /** A few words: `3 files, 1.2 MB to send`. */
      readonly detail?: string | undefined;
      readonly ms?: number | undefined;
    }
  | { readonly kind: "upload"; readonly host: string; readonly sentBytes: number; readonly totalBytes: number }
  | { readonly kind: "agent"; readonly host: string; readonly event: AgentEvent }
  | { readonly kind: "note"; readonly host?: string | undefined; readonly text: string }
  | {
      readonly kind: "warning";
      readonly host?: string | undefined;
      /** What it is about, by its name in deploy.yml. */
      readonly program?: string | undefined;
      readonly text: string;
    };
