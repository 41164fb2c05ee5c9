/**
 * What a supervisor section says, in one shape whichever way it was learnt: from deploy.yml (wanted), from the config files,
 * or from supervisord's getAllConfigInfo (the config that it read last, without environment and stopasgroup). A member that is
 * undefined could not be learnt, and nothing is concluded from it.
 */
import type { ProgramPlan } from "../../wire/plan.ts";
import type { Layout } from "../layout.ts";
import { stopSignalOf } from "../presets.ts";
import {
  KEEPER_NODE_FLAGS,
  type SectionOptions,
  wantedCommand,
  wantedDirectory,
  wantedEnvironment,
  wantedSocket,
} from "../section.ts";
import { expandValue, parseEnvironment, splitCommand } from "./quoting.ts";

export interface SectionFacts {
  readonly words: readonly string[] | undefined;
  /** Empty: supervisord's own folder. */
  readonly directory: string | undefined;
  /** A value that only supervisord can expand is undefined. */
  readonly environment: ReadonlyMap<string, string | undefined> | undefined;
  /** Empty: supervisord's own user. */
  readonly user: string | undefined;
  readonly autostart: boolean | undefined;
  readonly startSeconds: number | undefined;
  readonly stopSeconds: number | undefined;
  /** Without `SIG`. */
  readonly stopSignal: string | undefined;
  readonly stopAsGroup: boolean | undefined;
  readonly killAsGroup: boolean | undefined;
  /** How many processes supervisor has of it. */
  readonly processes: number | undefined;
  /** What supervisord listens on for it, as `socket=`; empty: nothing. */
  readonly socket: string | undefined;
  /** Files that supervisor writes the program's output to, as far as they are named. */
  readonly logFiles: readonly string[];
}

/** The members of an entry of getAllConfigInfo that matter here (rpcinterface.py). `none` and `auto` stand for None and AUTO. */
export interface ConfigInfo {
  readonly command: string;
  readonly directory: string;
  readonly autostart: boolean;
  readonly startsecs: number;
  readonly stopwaitsecs: number;
  readonly stopsignal: number;
  readonly killasgroup: boolean;
  readonly stdout_logfile: string;
  readonly stderr_logfile: string;
}

const NO_FILE = new Set(["none", "off", "auto", "syslog"]);
const TRUE_WORDS = new Set(["true", "t", "y", "yes", "on", "1"]);
/** Numbers of Linux (signal(7)), for those that stop programs. */
const SIGNAL_NAMES: Readonly<Record<number, string>> = { 1: "HUP", 2: "INT", 3: "QUIT", 9: "KILL", 15: "TERM" };
/** The end of the path in layout.ts. */
const KEEPER_FILE = "/lib/keeper.cjs";

export function factsOfPlan(program: ProgramPlan, layout: Layout, options: SectionOptions): SectionFacts {
  return {
    words: wantedCommand(program, layout),
    directory: wantedDirectory(program, layout),
    environment: new Map(Object.entries(wantedEnvironment(program, layout))),
    user: options.supervisorIsRoot ? (program.user ?? "") : "",
    autostart: program.autostart,
    startSeconds: program.startSeconds,
    stopSeconds: program.stopSeconds,
    stopSignal: stopSignalOf(program),
    stopAsGroup: false,
    killAsGroup: true,
    // Of a program that is one process, somebody's own section may have more.
    processes: program.members,
    socket: program.members === undefined ? undefined : wantedSocket(program),
    logFiles: [],
  };
}

/** From raw values as they stand in a file; what is missing has supervisor's default (options.py, _processes_from_section). */
export function factsOfSection(values: ReadonlyMap<string, string>): SectionFacts {
  const text = (key: string, missing: string) => expandValue(values.get(key) ?? missing);
  const flag = (key: string, missing: boolean) => {
    const value = text(key, String(missing));
    return value === undefined ? undefined : TRUE_WORDS.has(value.toLowerCase());
  };
  const whole = (key: string, missing: number) => {
    const value = Number(text(key, String(missing)));
    return Number.isInteger(value) ? value : undefined;
  };
  const command = text("command", "");
  const stopAsGroup = flag("stopasgroup", false);
  return {
    words: command === undefined ? undefined : splitCommand(command),
    directory: text("directory", ""),
    environment: parseEnvironment(values.get("environment") ?? ""),
    user: text("user", ""),
    autostart: flag("autostart", true),
    startSeconds: whole("startsecs", 1),
    stopSeconds: whole("stopwaitsecs", 10),
    stopSignal: text("stopsignal", "TERM")?.toUpperCase().replace(/^SIG/, ""),
    stopAsGroup,
    killAsGroup: flag("killasgroup", stopAsGroup ?? false),
    processes: whole("numprocs", 1),
    socket: text("socket", ""),
    logFiles: logFiles(text("stdout_logfile", "auto"), text("stderr_logfile", "auto")),
  };
}

/**
 * From what supervisord read last; what it does not tell comes from the file, where that could be read. Both are needed:
 * the file may have changed since, and supervisord does not tell an environment.
 */
export function factsOfConfig(
  config: ConfigInfo,
  values: ReadonlyMap<string, string> | undefined,
  processes?: number,
): SectionFacts {
  const file = values === undefined ? undefined : factsOfSection(values);
  return {
    words: splitCommand(config.command),
    directory: config.directory === "none" ? "" : config.directory,
    environment: file?.environment,
    user: file?.user,
    autostart: config.autostart,
    startSeconds: config.startsecs,
    stopSeconds: config.stopwaitsecs,
    stopSignal: SIGNAL_NAMES[config.stopsignal] ?? `number ${config.stopsignal}`,
    stopAsGroup: file?.stopAsGroup,
    killAsGroup: config.killasgroup,
    processes: processes ?? file?.processes,
    socket: file?.socket,
    logFiles: logFiles(config.stdout_logfile, config.stderr_logfile),
  };
}

function logFiles(...names: readonly (string | undefined)[]): string[] {
  return names.filter((name): name is string => name !== undefined && !NO_FILE.has(name.toLowerCase()));
}

/** One thing that stands otherwise in supervisor than deploy.yml wants it. */
export interface Difference {
  readonly what: string;
  /** Whether something else would run than deploy.yml says, and not only sooner, later or otherwise stopped. */
  readonly isEssential: boolean;
  /** Ready to print; never a value of the environment, which may be a secret. */
  readonly text: string;
}

/**
 * Where `found` is not what `wanted` says, as far as it is known. Additional environment and the places of logs are
 * nobody's business here, nor is ZDR_CURRENT, without which a section of one's own works as well.
 */
export function compareFacts(wanted: SectionFacts, found: SectionFacts): Difference[] {
  const differences: Difference[] = [];
  const add = (what: string, want: unknown, have: unknown, isEssential: boolean) => {
    if (have === undefined || want === have) return;
    differences.push({ what, isEssential, text: `${what} is ${show(have)} there and ${show(want)} by deploy.yml` });
  };
  if (isSameKeeper(wanted.words, found.words)) differences.push(...keeperFlags(found.words));
  else add("command", wanted.words?.join(" "), found.words?.join(" "), true);
  for (const [name, value] of wanted.environment ?? []) {
    if (found.environment === undefined || name === "ZDR_CURRENT") continue;
    const have = found.environment.has(name) ? found.environment.get(name) : "";
    if (have === undefined || have === value) continue;
    differences.push({
      what: "environment",
      isEssential: true,
      text: `${name} in environment is not what deploy.yml says`,
    });
  }
  if (wanted.processes !== undefined) add("numprocs", wanted.processes, found.processes, true);
  if (wanted.socket !== undefined) add("socket", wanted.socket, found.socket, true);
  add("user", wanted.user, found.user, false);
  add("directory", wanted.directory, found.directory, false);
  add("autostart", wanted.autostart, found.autostart, false);
  add("startsecs", wanted.startSeconds, found.startSeconds, false);
  add("stopwaitsecs", wanted.stopSeconds, found.stopSeconds, false);
  add("stopsignal", wanted.stopSignal, found.stopSignal, false);
  add("stopasgroup", wanted.stopAsGroup, found.stopAsGroup, false);
  add("killasgroup", wanted.killAsGroup, found.killAsGroup, false);
  return differences;
}

/** Without them it works as well, and takes more memory than it needs. */
function keeperFlags(words: readonly string[] = []): Difference[] {
  const missing = KEEPER_NODE_FLAGS.filter((flag) => !words.slice(1, -2).includes(flag));
  if (missing.length === 0) return [];
  const text = `command has no ${missing.join(" ")} for the keeper's Node, which keep its memory small`;
  return [{ what: "command", isEssential: false, text }];
}

/** By which Node a keeper runs, and with which options besides, is the host's own business. */
function isSameKeeper(wanted: readonly string[] | undefined, found: readonly string[] | undefined): boolean {
  const tail = (words: readonly string[] = []) => words.slice(-2).join(" ");
  return (
    wanted?.at(-2)?.endsWith(KEEPER_FILE) === true &&
    found?.[0]?.startsWith("/") === true &&
    tail(wanted) === tail(found)
  );
}

function show(value: unknown): string {
  return value === "" ? "not set" : String(value);
}
