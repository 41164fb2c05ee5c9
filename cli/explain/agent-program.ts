/** Trouble with one program, in words. */
import type { AgentFailure } from "../../agent/wire/failure.ts";
import { formatMs } from "../core/report/units.ts";
import { onHost, shellWord, type Words, words } from "./words.ts";

type ProgramFailure = Extract<AgentFailure, { program: string }>;
type Preflight = Extract<AgentFailure, { reason: "preflight" }>;

export function programWords(failure: ProgramFailure): Words {
  const program = `program "${failure.program}"`;
  switch (failure.reason) {
    case "program-unknown":
      return words(`${program}: supervisord knows no process ${failure.process}`, "add it: zdr setup");
    case "program-state-unknown":
      return words(
        `${program} is in supervisor's state UNKNOWN (pid ${failure.pid}), so a signal or stop may bring supervisord down`,
        onHost(`ps -fp ${failure.pid}, and end that process by hand`),
      );
    case "program-refused":
      return words(
        `${program} is not set up so that a deploy is safe: ${findings(failure)
          .map((finding) => finding.text)
          .join("; ")}`,
        ...findings(failure).map((finding) => finding.fix),
      );
    case "signal-unsafe":
      return words(
        `${program} (pid ${failure.pid}) runs as uid ${failure.uid} and supervisord as uid ${failure.supervisorUid}: ` +
          "a signal that supervisord may not send ends supervisord itself, so none was sent",
        onHost(
          "run supervisord as root with user= in the program's section, or both as one user: sudo systemctl edit supervisor",
        ),
      );
    case "preflight":
      return words(
        `${program} cannot be run from this release: ${failure.path} ${preflightProblem(failure)}`,
        ...preflightHints(failure),
      );
    case "proof-unavailable":
      return words(
        `${program} (pid ${failure.pid}) runs as uid ${failure.uid}, which this user may not look into, and deploy.yml says proof: required`,
        "see what an administrator must put in order: zdr setup",
        "or accept the health check alone: proof: best in deploy.yml",
      );
    case "start-failed":
      return words(`${program} did not start: ${stateWith(failure)}`, ...logHints(failure.program));
    case "crashed":
      return words(`${program} crashed after the flip: ${crashWords(failure)}`, ...logHints(failure.program));
    case "not-ready":
      return words(
        `${program} was not ready within ${limitOf(failure, "")}${withDetail(failure.detail)}`,
        ...logHints(failure.program),
      );
    case "not-reloaded":
      return words(`${program} did not take the reload (${failure.detail})`, ...logHints(failure.program));
    case "unhealthy":
      if (failure.watchedMs !== undefined) {
        return words(
          `${program} was ready, and not healthy any more ${formatMs(failure.watchedMs)} later (last probe: ${failure.lastProbe})`,
          ...logHints(failure.program),
        );
      }
      return words(
        `${program} was not healthy within ${limitOf(failure, "health.timeout ")} (last probe: ${failure.lastProbe})${listensWords(failure)}`,
        ...(failure.listens === undefined
          ? []
          : [`have programs.${failure.program}.health.http in deploy.yml and the program agree on one address`]),
        ...logHints(failure.program),
      );
    case "wrong-release":
      // A process keeps its pid also where it executes itself again: then it may have done so by a path of its old release.
      if (failure.wasThere === true) {
        return words(
          `${program} (pid ${failure.pid}) was told to take ${failure.want}, and goes on as before (${failure.runs})`,
          `see whether it has heard that, and takes it for a reload: zdr logs ${shellWord(failure.program)}; what takes none is restarted: reload: restart in deploy.yml`,
          "one that executes itself again has to do so through current; compare its section: zdr setup --dry-run",
        );
      }
      return words(
        `${program} (pid ${failure.pid}) runs ${failure.runs} and not ${failure.want}`,
        "its section must start it through current; compare: zdr setup --dry-run",
        onHost(`ls -l /proc/${failure.pid}/exe /proc/${failure.pid}/cwd`),
      );
    case "stop-timeout":
      return words(
        `${program} (pid ${failure.pid}) did not end within ${formatMs(failure.timeoutMs)} after it was told to stop`,
        onHost(`see what it waits for: cat /proc/${failure.pid}/status`),
      );
  }
}

interface Limit {
  readonly timeoutMs: number;
  readonly startMs?: number | undefined;
}

/** Of a start, supervisor's startsecs come before what deploy.yml gives the program. */
function limitOf({ timeoutMs, startMs }: Limit, own: string): string {
  if (startMs === undefined) return formatMs(timeoutMs);
  return `${formatMs(timeoutMs)}, which is start_seconds ${formatMs(startMs)} and then ${own}${formatMs(timeoutMs - startMs)}`;
}

function listensWords({ listens }: Extract<AgentFailure, { reason: "unhealthy" }>): string {
  return listens === undefined ? "" : `; it listens on ${listens.join(", ")}`;
}

function findings(failure: Extract<AgentFailure, { reason: "program-refused" }>) {
  return failure.findings.filter((finding) => finding.level === "refuse");
}

function preflightProblem({ problem, detail }: Preflight): string {
  switch (problem) {
    case "missing":
      return `does not exist${withDetail(detail)}`;
    case "not-a-file":
      return `is not a regular file${withDetail(detail)}`;
    case "not-readable":
      return `cannot be read by the program's user${withDetail(detail)}`;
    case "not-executable":
      return `cannot be executed by the program's user${withDetail(detail)}`;
    case "empty":
      return `is empty${withDetail(detail)}`;
    case "wrong-machine":
      return `was built for another machine${withDetail(detail)}`;
    case "bad-format":
      return `is neither a program of this system nor a script with #!${withDetail(detail)}`;
    case "no-interpreter":
      return `names an interpreter that does not exist${withDetail(detail)}`;
    case "bad-script":
      return `cannot be read by its interpreter${withDetail(detail)}`;
    case "bad-config":
      return `makes a reload impossible${withDetail(detail)}`;
    case "check-failed":
      return `failed the program's own check${withDetail(detail)}`;
  }
}

/** On a first deploy the release has gone again, so they speak of the build. */
function preflightHints({ problem, path }: Preflight): string[] {
  switch (problem) {
    case "missing":
    case "not-a-file":
      return ['compare "command:" in deploy.yml with the build'];
    case "empty":
    case "bad-format":
      return ["look at that file in the build: file FILE"];
    case "not-executable":
      return ["make it executable in the build: chmod +x FILE"];
    case "not-readable":
      return [onHost(`see what is closed to that user: namei -l ${shellWord(path)}`)];
    case "wrong-machine":
      return [`build it for the host, which is a: ${onHost("uname -sm")}`];
    case "no-interpreter":
      return ["install that interpreter on the host, or name another one in the first line of the file"];
    case "bad-script":
      return [
        "have its interpreter look at it in the build: node --check FILE, python3 -m py_compile FILE or ruby -c FILE",
      ];
    case "bad-config":
      return ["change that file in the build; what each preset needs stands in docs/strategies.md"];
    case "check-failed":
      return ["run the same in the build by hand"];
  }
}

function stateWith(failure: { readonly state: string; readonly detail: string }): string {
  return `supervisor says ${failure.state}${withDetail(failure.detail)}`;
}

/** Supervisor knows of the process that it started: the one that crashed was another, or has been started again. */
function crashWords(failure: { readonly state: string; readonly detail: string }): string {
  const { state, detail } = failure;
  if (state !== "RUNNING" || detail === "") return stateWith(failure);
  return `${detail} (what supervisor holds is RUNNING: the keeper or master, or a new start)`;
}

function withDetail(detail: string): string {
  return detail === "" ? "" : ` (${detail})`;
}

function logHints(program: string): string[] {
  return [`see more with: zdr logs ${shellWord(program)}`, "see what became of the release: zdr releases"];
}
