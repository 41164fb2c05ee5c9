/** What went wrong on the operator's machine, in words. */
import { describeBuildHolder } from "../core/build-holder.ts";
import { formatMs } from "../core/report/units.ts";
import type { ConfigProblem, Failure } from "../failure.ts";
import { sameHosts } from "./flags.ts";
import { list, shellWord, type Words, words } from "./words.ts";

type LocalFailure = Exclude<Failure, { kind: "link" | "agent" }>;

export function localWords(failure: LocalFailure): Words[] {
  switch (failure.kind) {
    case "usage":
      return [words(failure.problem, failure.hint ?? "see what there is: zdr --help")];
    case "config":
      return failure.problems.map(configWords);
    case "build": {
      const path = failure.path === undefined ? "" : `${failure.path}: `;
      return [words(`the build: ${path}${failure.problem}`, ...hintOr(failure.hint, failure.path))];
    }
    case "build-command":
      return [
        words(
          `the build command (build.run) ended with ${endedWith(failure)}`,
          `try it by hand, beside deploy.yml: ${failure.command}`,
        ),
      ];
    case "build-held": {
      const { path, holder, waitedMs } = failure;
      const hint = "wait longer for it: zdr deploy --wait 1h; or end it if it hangs";
      return [
        words(
          `another zdr has the build ${path} after ${formatMs(waitedMs)} of waiting: ${describeBuildHolder(holder)}`,
          hint,
        ),
      ];
    }
    case "command": {
      const { command, problem } = failure;
      if (problem === undefined) {
        return [
          words(
            `the command ended with ${endedWith(failure)}: ${command}`,
            failure.isHere ? "it ran on this very machine: try it by hand" : `look there: zdr ssh ${failure.host}`,
          ),
        ];
      }
      // Node's name for it; a builtin of the shell is no program, and neither is a line of several words.
      const hint = / ENOENT$/.test(problem)
        ? `there is no such program; what only a shell knows is run by one: zdr exec --shell -- ${shellWord(command)}`
        : `with a shell: zdr exec --shell -- ${shellWord(command)}`;
      return [words(`the command did not begin: ${problem}`, hint)];
    }
    case "plan-changed":
      return [
        words(
          `not what was planned: ${list(failure.changed.map((part) => CHANGED[part]))}; nothing was changed`,
          planAnew(failure),
        ),
      ];
    case "host-changed":
      return [
        words(
          `it was changed while its link was down, so it is not as it was planned (${failure.plan}), and was left as it is`,
          planAnew(failure),
        ),
      ];
    case "hook":
      return [
        words(
          `the hook ${failure.when}, which runs here, failed: ${failure.command}: ${failure.detail}`,
          `try it by hand: ${failure.command}`,
        ),
      ];
    case "no-common-release":
      return [noCommonRelease(failure)];
    case "interrupted":
      return [words(`interrupted by ${failure.signal}`, "see what is where: zdr releases")];
  }
}

function planAnew({ tag, given = {} }: Extract<LocalFailure, { kind: "plan-changed" | "host-changed" }>): string {
  return `see what it would do now: zdr plan --tag ${tag}${sameHosts(given)}`;
}

function noCommonRelease({ hosts, given = {} }: Extract<LocalFailure, { kind: "no-common-release" }>): Words {
  const hostsOf = (tag: string | undefined) => hosts.flatMap((one) => (one.tag === tag ? [one.host] : []));
  const ways = [...new Set(hosts.map(({ tag }) => tag))].map(
    (tag) => `${hostsOf(tag).join(", ")} ${tag === undefined ? "to nothing" : `to ${tag}`}`,
  );
  const tag = hosts.find((one) => one.tag !== undefined)?.tag;
  return words(
    `no release is good on all hosts and older than what they have; each by itself would go back: ${ways.join("; ")}`,
    `a part of them at a time: zdr rollback${sameHosts({ ...given, host: hostsOf(tag) })}; or have one release on all: zdr deploy --tag TAG${sameHosts(given)}`,
  );
}

const CHANGED = {
  build: "the build is another one",
  config: "deploy.yml has changed",
  hosts: "the hosts are not as they were",
} as const;

/** `deploy.yml:12:3: programs.shop.relaod: unknown key (did you mean "reload"?)` */
function configWords({ place, path, problem, suggestion }: ConfigProblem): Words {
  const where = place === undefined ? [] : [`${place.file}:${place.line}:${place.column}`];
  const what = suggestion === undefined ? problem : `${problem} (${suggestion})`;
  const said = words([...where, ...(path === "" ? [] : [path]), what].join(": "));
  return place === undefined ? said : { ...said, place };
}

function hintOr(hint: string | undefined, path: string | undefined): string[] {
  if (hint !== undefined) return [hint];
  return path === undefined ? ['see what "build:" in deploy.yml names'] : [`ls -ld ${shellWord(path)}`];
}

function endedWith({ code, signal }: { readonly code: number | null; readonly signal: string | null }): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? "no exit code" : `exit code ${code}`;
}
