/**
 * The supervisor section of a program. Its text depends on deploy.yml and the layout alone, never on a release: adopting a
 * changed section stops the program, so whatever a deploy changes must be reachable through what stands here already.
 */
import { posix } from "node:path";
import { PROGRAM_TEMPLATE } from "../../templates/supervisor/program.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";
import { AgentError } from "./failure.ts";
import { fillPlaceholders, type Layout } from "./layout.ts";
import { memberGroup } from "./members/plan.ts";
import { isKept, PRESETS, stopSignalOf } from "./presets.ts";
import {
  environmentProblem,
  quoteCommand,
  quoteEnvironment,
  quoteValue,
  valueProblem,
  wordProblem,
} from "./section/quoting.ts";
import { STRATEGY_SECTIONS } from "./section/strategies.ts";
import { bareNameOf } from "./supervisor/status-text.ts";

/** Names that supervisor and its config parser both take, in a header and in `supervisorctl`. */
const SECTION_NAME = /^[^\s:/[\];#%"'\\\p{Cc}]+$/u;

/** Of a unix socket: as the keeper's. */
const SOCKET_MODE = 0o660;

/** unix(7): sun_path has 108 bytes, one of them for the end. */
const SOCKET_PATH_LIMIT_BYTES = 107;

/**
 * For Node, in the command that supervisor starts. The keeper waits nearly all of its life: it needs no compiled code, no
 * room for garbage, and gives back what it had when it is quiet. Measured: 11 MB of its own instead of 17. (Node 18
 * says once that --jitless switches WebAssembly off; the flag that would keep them quiet is refused by Node 24.)
 */
export const KEEPER_NODE_FLAGS = ["--jitless", "--max-semi-space-size=1", "--expose-gc"] as const;

export interface SectionOptions {
  /** Only a supervisord that is root can start programs as somebody else; elsewhere `user=` is left out. */
  readonly supervisorIsRoot: boolean;
}

export interface RenderedSection {
  /** `program:shop`, `fcgi-program:shop` */
  readonly name: string;
  readonly text: string;
  /** The same as keys and raw values, for comparing with what is there. */
  readonly values: ReadonlyMap<string, string>;
}

/** Supervisor's name of the program, without its group. */
export function programNameOf(program: ProgramPlan): string {
  return memberGroup(program) ?? bareNameOf(program.process);
}

/** `program:shop`; `fcgi-program:shop` where supervisord is to listen for it. */
export function sectionNameOf(program: ProgramPlan): string {
  return `${wantedSocket(program) === "" ? "program" : "fcgi-program"}:${programNameOf(program)}`;
}

/** What supervisord is to listen on for a program with members, as `socket=` wants it; empty: nothing. */
export function wantedSocket({ members, listen = [] }: ProgramPlan): string {
  const [address] = members === undefined ? [] : listen;
  if (address === undefined) return "";
  return "path" in address ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}

/** Supervisor's group of the program: what is added and updated. */
export function groupNameOf({ process: name }: ProgramPlan): string {
  return name.split(":")[0] ?? name;
}

/** argv as supervisor is to start it. */
export function wantedCommand(program: ProgramPlan, layout: Layout): string[] {
  if (isKept(program)) return [layout.node, ...KEEPER_NODE_FLAGS, ...keeperWords(program, layout)];
  const [binary = "", ...rest] = programCommand(program, layout);
  const isSlot = STRATEGY_SECTIONS[program.reload.strategy].command === "slot";
  return [isSlot ? layout.slot(program.name, binary) : binary, ...rest];
}

/** What Node is told to run in the program's place. */
export function keeperWords({ name }: ProgramPlan, layout: Layout): [string, string] {
  return [layout.keeper, layout.keptProgram(name)];
}

/** The program's own argv, through `current`. */
export function programCommand(program: ProgramPlan, layout: Layout): string[] {
  const places = placesOf(program, layout);
  const [first = "", ...rest] = program.command.map((word) => fillPlaceholders(word, places));
  return [first.startsWith("/") ? first : posix.join(layout.current, first), ...rest];
}

export function wantedDirectory(program: ProgramPlan, layout: Layout): string {
  return STRATEGY_SECTIONS[program.reload.strategy].directory === "current" ? layout.current : layout.deployTo;
}

/** What stands in the section. A keeper gives its program the rest, so that a change of it leaves the section as it is. */
export function wantedEnvironment(program: ProgramPlan, layout: Layout): Record<string, string> {
  return isKept(program) ? { ZDR_CURRENT: layout.current } : programEnvironment(program, layout);
}

/** deploy.yml's environment, what the preset needs, and ZDR_CURRENT, by which a program finds the files of its release. */
export function programEnvironment(program: ProgramPlan, layout: Layout): Record<string, string> {
  const places = placesOf(program, layout);
  const environment: Record<string, string> = { ZDR_CURRENT: layout.current };
  for (const [name, value] of Object.entries(program.environment)) environment[name] = fillPlaceholders(value, places);
  const { preset } = program.reload;
  const { environment: needed = {}, defaults = {} } = preset === undefined ? {} : PRESETS[preset];
  for (const [name, value] of Object.entries(needed)) environment[name] = withItem(environment[name], value);
  for (const [name, value] of Object.entries(defaults)) environment[name] ??= fillPlaceholders(value, places);
  return environment;
}

function withItem(list: string | undefined, item: string): string {
  if (list === undefined || list === "") return item;
  return list.split(",").includes(item) ? list : `${list},${item}`;
}

function placesOf(program: ProgramPlan, layout: Layout): Record<string, string> {
  return {
    current: layout.current,
    deploy_to: layout.deployTo,
    shared: layout.shared,
    run: layout.programRun(program.name),
  };
}

/** What of a program can not be said in a supervisor section; empty: `renderSection` can render it. */
export function sectionProblems(program: ProgramPlan, layout: Layout): LintFinding[] {
  const problems: LintFinding[] = [];
  const add = (what: string, problem: string | undefined, fix: string) => {
    if (problem === undefined) return;
    problems.push({
      rule: "unwritable",
      level: "refuse",
      text: `${what} can not be written for supervisor: ${problem}`,
      fix,
    });
  };
  const name = programNameOf(program);
  if (!SECTION_NAME.test(name)) {
    add(`the name ${JSON.stringify(name)}`, "it holds a character that supervisor cuts names at", "rename the program");
  }
  for (const word of wantedCommand(program, layout)) {
    add(`the word ${JSON.stringify(word)} of the command`, wordProblem(word), "take the control character out");
  }
  const socket = wantedSocket(program);
  if (socket !== "") add(`the address ${JSON.stringify(socket)}`, valueProblem(socket), "choose another in listen");
  const directory = wantedDirectory(program, layout);
  add(`the folder ${JSON.stringify(directory)}`, valueProblem(directory), "choose another deploy_to");
  if (isKept(program) && new TextEncoder().encode(layout.keeperSocket(program.name)).length > SOCKET_PATH_LIMIT_BYTES) {
    const problem = `the path of its keeper's socket is longer than ${SOCKET_PATH_LIMIT_BYTES} bytes`;
    add(`the name ${JSON.stringify(program.name)}`, problem, "choose a shorter deploy_to or name");
  }
  for (const [key, value] of Object.entries(wantedEnvironment(program, layout))) {
    // The value may be a secret: only its name is told.
    add(`${key} in the environment`, environmentProblem(key, value), "let the program read it from a file in shared/");
  }
  if (program.user !== undefined)
    add(`the user ${JSON.stringify(program.user)}`, valueProblem(program.user), "rename it");
  return problems;
}

/**
 * Renders `[program:x]`, or `[fcgi-program:x]`. Group forms are not rendered: `process` gives the program's own name.
 * @throws AgentError `program-refused` where `sectionProblems` finds something.
 */
export function renderSection(program: ProgramPlan, layout: Layout, options: SectionOptions): RenderedSection {
  const findings = sectionProblems(program, layout);
  if (findings.length > 0) throw new AgentError({ reason: "program-refused", program: program.name, findings });
  const { members } = program;
  const socket = wantedSocket(program);
  const filled = new Map<string, string | undefined>([
    ["section", sectionNameOf(program)],
    ["socket", socket === "" ? undefined : quoteValue(socket)],
    ["socket_mode", socket === "" ? undefined : socketMode(program)],
    ["numprocs", members === undefined ? undefined : String(members)],
    ["process_name", members === undefined ? undefined : "%(program_name)s_%(process_num)02d"],
    ["command", quoteCommand(wantedCommand(program, layout))],
    ["directory", quoteValue(wantedDirectory(program, layout))],
    ["environment", quoteEnvironment(wantedEnvironment(program, layout))],
    ["user", options.supervisorIsRoot && program.user !== undefined ? quoteValue(program.user) : undefined],
    ["autostart", String(program.autostart)],
    ["startsecs", String(program.startSeconds)],
    ["stopsignal", stopSignalOf(program)],
    ["stopwaitsecs", String(program.stopSeconds)],
  ]);
  const lines = PROGRAM_TEMPLATE.trimEnd()
    .split("\n")
    .flatMap((line) => fillLine(line, filled));
  const values = new Map(
    lines.slice(1).map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  return { name: sectionNameOf(program), text: `${lines.join("\n")}\n`, values };
}

/** Of a unix socket, octal. */
function socketMode({ listen = [] }: ProgramPlan): string | undefined {
  const [address] = listen;
  if (address === undefined || !("path" in address)) return undefined;
  return (address.mode ?? SOCKET_MODE).toString(8).padStart(4, "0");
}

/** No line at all where the placeholder has nothing to say. Each line holds at most one. */
function fillLine(line: string, filled: ReadonlyMap<string, string | undefined>): string[] {
  const [placeholder, key] = /\{\{(\w+)\}\}/.exec(line) ?? [];
  if (placeholder === undefined || key === undefined) return [line];
  const value = filled.get(key);
  // A function, because `$` means something in a replacement text.
  return value === undefined ? [] : [line.replace(placeholder, () => value)];
}
