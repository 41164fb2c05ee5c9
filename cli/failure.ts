/** Every failure that zdr expects, as data. The words for them, and the exit codes, stand in cli/explain.ts. */
import type { AgentFailure } from "../agent/wire/failure.ts";
import type { HookEvent } from "../agent/wire/plan.ts";

/** A place in a file of the user's, both counted from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ConfigProblem {
  readonly place?: SourcePlace;
  /** `programs.shop.reload`; empty for the file as a whole. */
  readonly path: string;
  readonly problem: string;
  /** What to do about it, as a phrase: `did you mean "reload"?`. */
  readonly suggestion?: string;
}

export interface AuthAttempt {
  /** `agent key SHA256:…`, `/home/me/.ssh/id_ed25519`, … */
  readonly what: string;
  readonly outcome: string;
}

/** What stands between us and one host. All of them exit with 4. */
export type LinkFailure =
  | { readonly kind: "unreachable"; readonly address: string; readonly detail: string }
  | { readonly kind: "connect-timeout"; readonly address: string; readonly timeoutMs: number }
  | {
      readonly kind: "handshake";
      readonly address: string;
      readonly detail: string;
      /** The host hung up before it said who it is, as a busy sshd does (sshd_config(5), MaxStartups). */
      readonly isDropped?: boolean;
    }
  | {
      readonly kind: "host-key-unknown";
      readonly address: string;
      /** The host's name in deploy.yml; absent: it is on the way to one. */
      readonly listedAs?: string | undefined;
      readonly keyType: string;
      readonly fingerprint: string;
      readonly searched: readonly string[];
      /** The line that would make it known, in known_hosts form. */
      readonly knownHostsLine: string;
    }
  | {
      readonly kind: "host-key-changed";
      readonly address: string;
      readonly listedAs?: string | undefined;
      readonly keyType: string;
      readonly fingerprint: string;
      /** `file`: the known_hosts file that holds it; absent for a pin of deploy.yml. */
      readonly expected: readonly {
        readonly fingerprint: string;
        readonly keyType: string;
        readonly place: string;
        readonly file?: string;
        /** Its line names the host by a pattern, and may stand for others too. */
        readonly isPattern?: boolean;
      }[];
      /** The name as known_hosts spells it, for `ssh-keygen -R`. */
      readonly knownName: string;
      /** The line that would make the shown key known. */
      readonly knownHostsLine: string;
    }
  | {
      readonly kind: "host-key-revoked";
      readonly address: string;
      readonly fingerprint: string;
      readonly place: string;
    }
  | { readonly kind: "host-key-authority"; readonly address: string; readonly place: string }
  | { readonly kind: "known-hosts-unreadable"; readonly path: string; readonly code: string }
  | {
      readonly kind: "auth";
      readonly address: string;
      readonly user: string;
      readonly attempts: readonly AuthAttempt[];
    }
  | { readonly kind: "key-file"; readonly path: string; readonly detail: string }
  /** What ssh makes of the operator's configuration could not be had. */
  | { readonly kind: "ssh-config"; readonly detail: string }
  /** The way to a host's jump host is not open from there on. */
  | {
      readonly kind: "jump";
      readonly address: string;
      readonly through: string;
      readonly detail: string;
      /** `through` is a ProxyCommand, which this is the line of. */
      readonly command?: string;
    }
  /** Of `transport: openssh`: what ssh itself said. */
  | {
      readonly kind: "openssh";
      readonly address: string;
      readonly code: number | null;
      readonly detail: string;
      /** What to give ssh, so that it goes the same way. */
      readonly args?: readonly string[];
    }
  | {
      readonly kind: "link-lost";
      readonly during: string;
      readonly detail: string;
      /** Not the way to the host ended, but the agent there: by a signal, or by a code that is not 0. */
      readonly isAgentsEnd?: true;
    }
  | {
      readonly kind: "link-silent";
      readonly during: string;
      readonly silentMs: number;
      /** The login shell is there, and the agent has not begun. */
      readonly isBeforeAgent?: boolean;
    }
  | { readonly kind: "node-missing"; readonly searched: readonly string[] }
  | { readonly kind: "node-too-old"; readonly node: string; readonly version: string }
  | {
      readonly kind: "agent-start";
      readonly detail: string;
      readonly noise: string;
      /** The server opens no session at all, so no login shell was there. */
      readonly isNoSession?: true;
    }
  | { readonly kind: "agent-reply"; readonly detail: string };

/** Of a command: for another one on the same hosts by the same config. */
export interface GivenFlags {
  readonly config?: string | undefined;
  readonly environment?: string | undefined;
  readonly host?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
}

export type Failure =
  | { readonly kind: "usage"; readonly problem: string; readonly hint?: string }
  | { readonly kind: "config"; readonly problems: readonly ConfigProblem[] }
  | { readonly kind: "build"; readonly problem: string; readonly path?: string; readonly hint?: string }
  | {
      readonly kind: "build-command";
      readonly command: string;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** Another zdr builds there, or sends what is built. */
  | {
      readonly kind: "build-held";
      readonly path: string;
      readonly holder: { readonly pid: number; readonly why: string; readonly since: string };
      readonly waitedMs: number;
    }
  /** One that runs here; `detail`: how it ended. */
  | { readonly kind: "hook"; readonly when: HookEvent; readonly command: string; readonly detail: string }
  | { readonly kind: "link"; readonly host: string; readonly link: LinkFailure }
  | { readonly kind: "agent"; readonly host: string; readonly failure: AgentFailure }
  /** An operator's command ended with something else than 0 there. `problem`: it did not begin. */
  | {
      readonly kind: "command";
      readonly host: string;
      readonly command: string;
      readonly code: number | null;
      readonly signal: string | null;
      readonly problem?: string | undefined;
      /** It ran on this very machine. */
      readonly isHere?: boolean;
    }
  /** The facts are not those of the plan that the deploy is held to. */
  | {
      readonly kind: "plan-changed";
      readonly plan: string;
      readonly tag: string;
      readonly changed: readonly ("build" | "config" | "hosts")[];
      readonly given?: GivenFlags;
    }
  /** The same of one host, found when it was connected to again. */
  | {
      readonly kind: "host-changed";
      readonly host: string;
      readonly plan: string;
      readonly tag: string;
      readonly given?: GivenFlags;
    }
  /** For a rollback. `tag`: what each would go back to by itself; absent: it has nothing. */
  | {
      readonly kind: "no-common-release";
      readonly hosts: readonly { readonly host: string; readonly tag: string | undefined }[];
      readonly given?: GivenFlags;
    }
  | { readonly kind: "interrupted"; readonly signal: "SIGINT" | "SIGTERM" };

/** An expected failure on its way up to main. Anything else that is thrown is a bug (exit 70). */
export class ZdrError extends Error {
  override readonly name = "ZdrError";
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.kind, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
