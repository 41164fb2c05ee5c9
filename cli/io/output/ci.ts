/**
 * Plain lines with what two CI systems make of some of them: phases are folded, and on GitHub errors and warnings stand
 * beside the lines of deploy.yml that they are about.
 */
import { relative, resolve } from "node:path";
import { annotation, END_GROUP, harmless, harmlessLines, startGroup } from "../../core/ci/github.ts";
import { endSection, startSection } from "../../core/ci/gitlab.ts";
import { eventLine, isSpoken } from "../../core/report/event-lines.ts";
import { type About, failureLines } from "../../core/report/failure-report.ts";
import type { ConfigPlaces, HostPhase, ProgressEvent } from "../../core/report/progress.ts";
import type { SourcePlace } from "../../failure.ts";
import type { Output } from "../output.ts";
import { type PlainOptions, quarterLines } from "./plain.ts";
import { errorLine, failureLine, failureText, flush, hostLine, oneAtATime } from "./streams.ts";

export interface CiOptions extends PlainOptions {
  readonly system: "github" | "gitlab";
  /** What files are named from in annotations: the checked out repository. */
  readonly workspace: string;
}

/** One way of folding; `open` and `close` are whole lines. */
interface Folds {
  open(phase: HostPhase): string;
  close(): string;
}

export function openCi(options: CiOptions): Output {
  const { stdout, stderr, quiet = false, system } = options;
  const folds = system === "github" ? githubFolds() : gitlabFolds();
  const say = system === "github" ? githubWords(options) : plainWords(options);
  const quarterLine = quarterLines();
  let folded: HostPhase | undefined;
  const unfold = () => {
    if (folded !== undefined) stderr.write(`${folds.close()}\n`);
    folded = undefined;
  };
  return {
    report(event) {
      if (event.kind === "config") say.learn(event);
      if (quiet && !isSpoken(event)) return;
      if (event.kind === "host-phase" && event.status === "start" && event.phase !== folded) {
        unfold();
        folded = event.phase;
        stderr.write(`${folds.open(event.phase)}\n`);
      }
      if (event.kind === "warning") return void stderr.write(say.warning(event));
      const line = event.kind === "upload" ? quarterLine(event) : eventLine(event);
      if (line !== undefined) stderr.write(say.line(line));
    },
    result(text) {
      unfold();
      // What other programs read (status) too: it has words of programs in it, and changes only where it would be obeyed.
      stdout.write(say.lines(text));
    },
    line(text, _event, _fields, isError = false) {
      const stream = isError ? stderr : stdout;
      stream.write(say.lines(hostLine(stream, text)));
    },
    failure(report) {
      unfold();
      stderr.write(say.failure(report));
    },
    pause: oneAtATime(),
    async close() {
      unfold();
      await Promise.all([flush(stdout), flush(stderr)]);
    },
  };
}

type Warning = Extract<ProgressEvent, { kind: "warning" }>;

interface Saying {
  /** Where the hosts and programs of later failures stand. */
  learn(places: ConfigPlaces): void;
  line(text: string): string;
  lines(text: string): string;
  warning(event: Warning): string;
  failure(report: Parameters<Output["failure"]>[0]): string;
}

function plainWords({ color }: CiOptions): Saying {
  const line = (text: string) => errorLine(text, color);
  return {
    learn: () => {},
    line,
    lines: (text) => text,
    warning: (event) => line(eventLine(event) ?? ""),
    failure: (report) => failureText(report, color),
  };
}

function githubWords({ color, workspace }: CiOptions): Saying {
  let places: ConfigPlaces = { hosts: {}, programs: {} };
  const placeOf = ({ place, program, hosts = [] }: About) => {
    const found = place ?? places.programs[program ?? ""] ?? places.hosts[hosts[0] ?? ""];
    return found && inWorkspace(found, workspace);
  };
  const line = (text: string) => harmless(errorLine(text, color));
  return {
    learn: (learned) => {
      places = learned;
    },
    line,
    lines: harmlessLines,
    warning: ({ host, program, text }) => {
      const about = { ...(host === undefined ? {} : { hosts: [host] }), ...(program === undefined ? {} : { program }) };
      return `${annotation("warning", host === undefined ? text : `${host}: ${text}`, placeOf(about))}\n`;
    },
    failure: (report) => {
      const errors = report.error.map((text, index) => annotation("error", text, placeOf(report.about?.[index] ?? {})));
      const rest = failureLines({ ...report, error: [] }).map((text) => harmless(failureLine(text, color)));
      return [...errors.map((text) => `${text}\n`), ...rest].join("");
    },
  };
}

/** Where it is no file of the repository, its own name has to do. */
function inWorkspace({ file, line, column }: SourcePlace, workspace: string): SourcePlace {
  const path = relative(workspace, resolve(file));
  return { file: path.startsWith("..") ? file : path, line, column };
}

function githubFolds(): Folds {
  return { open: (phase) => startGroup(phase), close: () => END_GROUP };
}

/** What an operator wants to read stays open. */
const OPEN_SECTIONS: ReadonlySet<HostPhase> = new Set(["activate", "control", "revert"]);

function gitlabFolds(): Folds {
  let count = 0;
  let name = "";
  const seconds = () => Math.floor(Date.now() / 1000);
  return {
    open(phase) {
      count++;
      name = `zdr_${phase}_${count}`;
      return startSection(name, phase, seconds(), !OPEN_SECTIONS.has(phase));
    },
    close: () => endSection(name, seconds()),
  };
}
