/** Which exit code a failure has, by what it is and when it came; the table of README.md. */
import type { AgentFailure } from "../../agent/wire/failure.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import type { Failure, LinkFailure } from "../failure.ts";

/**
 * When a failure came.
 * `plan`: while config, build and hosts were read. `stage`: from the request to stage until the release is published.
 * `activate`: as the answer to `activate` or `control`; the agent answers a failure only where it changed nothing (what
 * it changed it reports), but when the link breaks here, nobody knows. `halfway`: a program had been told something, and did
 * not get there. `settle`: after all was proved.
 */
export type Phase = "plan" | "stage" | "activate" | "halfway" | "settle";

export function exitOf(failure: Failure, phase: Phase): ExitCode {
  switch (failure.kind) {
    case "usage":
    case "config":
    case "build":
      return EXIT.usage;
    case "build-held":
      return EXIT.locked;
    case "build-command":
    case "plan-changed":
    case "no-common-release":
    case "command":
      return EXIT.refused;
    case "host-changed":
      return phase === "stage" ? EXIT.staging : EXIT.refused;
    case "hook":
      if (phase === "settle") return EXIT.done;
      return phase === "stage" ? EXIT.staging : EXIT.refused;
    case "interrupted":
      return failure.signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    case "link":
      return linkExit(failure.link, phase);
    case "agent":
      return agentExit(failure.failure, phase);
  }
}

function linkExit(link: LinkFailure, phase: Phase): ExitCode {
  if (phase === "settle") return EXIT.done;
  if (phase === "activate" || phase === "halfway") return EXIT.stuck;
  if (link.kind === "agent-reply") return EXIT.bug;
  return phase === "stage" ? EXIT.staging : EXIT.unreachable;
}

function agentExit(failure: AgentFailure, phase: Phase): ExitCode {
  switch (failure.reason) {
    case "bad-request":
    case "unsupported":
    case "internal":
      return EXIT.bug;
    case "interrupted":
      return EXIT.interrupted;
    default:
      break;
  }
  if (phase === "settle") return EXIT.done;
  if (phase === "halfway") return EXIT.stuck;
  if (failure.reason === "locked" || failure.reason === "frozen") return EXIT.locked;
  if (phase === "stage") return EXIT.staging;
  return phase === "activate" && isAfterTheFact(failure) ? EXIT.stuck : EXIT.refused;
}

/** What can only be said of a program that was already told to start, stop or reload. */
function isAfterTheFact(failure: AgentFailure): boolean {
  switch (failure.reason) {
    case "start-failed":
    case "crashed":
    case "not-ready":
    case "not-reloaded":
    case "unhealthy":
    case "wrong-release":
    case "stop-timeout":
      return true;
    default:
      return false;
  }
}
