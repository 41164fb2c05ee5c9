/** What all verbs of the command line have in common: their flags, and how each is taken. */
import { type Argument, type Command, Option } from "commander";

export type { Argument, Command, Option };

/** What the command line asks for: which output, and how to run it. */
export interface Asked {
  /** The verb as it was typed. */
  readonly verb: string;
  readonly json: boolean;
  /** True: what it prints is read line by line, so no tree is drawn over it. */
  readonly quiet: boolean;
  /** Where a JUnit report goes. */
  readonly junit?: string | undefined;
  run(run: import("../run.ts").Run): Promise<number>;
}

/** What a verb takes: how it is shown, and how to run it; which one it is says the command line. */
export type Taken = Omit<Asked, "verb">;

export interface CommonFlags {
  readonly config?: string;
  readonly environment?: string;
  readonly host?: string[];
  readonly role?: string[];
  readonly label?: string[];
  readonly except?: string[];
  readonly json?: boolean;
  readonly junit?: string;
}

/** Of verbs that change something on a host. */
export interface LockFlags extends CommonFlags {
  readonly wait?: string;
  readonly skipUnreachable?: boolean;
  readonly ignoreFreeze?: boolean;
}

export const EXIT_CODES = `
Exit codes:
  0 done   2 usage or config, or stdout could not be written   3 locked   4 a host cannot be reached or trusted
  5 refused, nothing serving changed   6 failed while staging, nothing serving changed   7 failed and reverted
  8 hosts differ: look at the state lines   9 serves, but requests failed during the reload
  70 a bug in zdr   130, 143 interrupted
`;

export const STATUS_EXIT_CODES = `
Exit codes, as supervisorctl's:
  0 all run   3 something does not run   4 no such program, or no supervisord   1 it could not be asked
  and zdr's own where a host did not answer: 2 usage or config   4 not reached or trusted, or no Node there
  130, 143 interrupted
`;

export const DOCTOR_EXIT_CODES = `
Exit codes:
  0 a deploy would get through, perhaps with warnings   5 it would not   2 usage or config   70 a bug in zdr
  130, 143 interrupted
`;

export const EXEC_EXIT_CODES = `
Exit codes:
  0 the command ended with 0 everywhere   its own code where all hosts on which it failed agree on one
  1 where they do not   127 it could not be started there
  and zdr's own: 2 usage or config   4 a host cannot be reached or trusted
`;

export const SSH_EXIT_CODES = `
Exit codes:
  ssh's own: that of the command or the shell there, 255 where ssh failed   2 usage or config
`;

export const PLAN_EXIT_CODES = `
Exit codes:
  0 nothing to do   10 there is something to do   5 a deploy would be refused
  2 usage or config   4 a host cannot be reached or trusted   70 a bug in zdr   130, 143 interrupted
`;

export const READING_EXIT_CODES = `
Exit codes:
  0 done   2 usage or config   4 a host cannot be reached or trusted   5 it could not be read there
  70 a bug in zdr   130, 143 interrupted
`;

export const VERIFY_EXIT_CODES = `
Exit codes:
  0 all is as it was published   5 a release is not, or could not be read there
  2 usage or config   4 a host cannot be reached or trusted   70 a bug in zdr   130, 143 interrupted
`;

export const LOCAL_EXIT_CODES = `
Exit codes:
  0 done   2 usage   70 a bug in zdr
`;

export type Take = (taken: Taken) => void;

/** `isRead`: what it prints is read line by line. */
export function shownBy({ json, junit }: CommonFlags, isRead = false): Omit<Taken, "run"> {
  return { json: json === true, quiet: isRead, junit };
}

interface Details {
  readonly examples: readonly string[];
  readonly exitCodes: string;
}

const DETAILS = new WeakMap<Command, Details>();

/** What commander knows only as text behind the help. */
export function detailsOf(command: Command): Details {
  return DETAILS.get(command) ?? { examples: [], exitCodes: EXIT_CODES };
}

/** A verb without any flags. */
export function localVerb(
  program: Command,
  name: string,
  summary: string,
  examples: readonly string[],
  exitCodes: string,
): Command {
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}\n${exitCodes}`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  DETAILS.set(command, { examples, exitCodes });
  return command;
}

const CONFIG = "-c, --config <file>";
const CONFIG_HELP = "the config (default: deploy.yml, deploy.yaml or config/deploy.yml in this folder)";
const JSON_FLAG = "--json";
const JSON_HELP = "print events as NDJSON on stdout, the last one the result";

/** A verb of which the config is the outcome. */
export function configMaker(...about: Parameters<typeof localVerb>): Command {
  return localVerb(...about)
    .option(CONFIG, CONFIG_HELP)
    .option(JSON_FLAG, JSON_HELP);
}

/** A verb that knows by its arguments which host is meant. */
export function hostVerb(...about: Parameters<typeof localVerb>): Command {
  return localVerb(...about)
    .option(CONFIG, CONFIG_HELP)
    .option("-e, --environment <name>", "merge deploy.<name>.yml over the config");
}

/** A verb with the flags that all of them have that know of hosts. Options may stand before or after the names. */
export function verb(
  program: Command,
  name: string,
  summary: string,
  examples: readonly string[],
  exitCodes = EXIT_CODES,
): Command {
  return hostVerb(program, name, summary, examples, exitCodes)
    .addOption(many("-H, --host <name...>", "only these hosts: web1, web[01:20], web* (may be repeated)"))
    .addOption(many("-R, --role <role...>", "only hosts with one of these roles"))
    .addOption(many("--label <name=value...>", "only hosts with one of these labels"))
    .addOption(many("--except <name...>", "not these hosts, nor those with these roles"))
    .option(JSON_FLAG, JSON_HELP);
}

export const WAIT = "--wait <time>";
export const WAIT_HELP = "wait for a host that another command holds, up to this long: 90s, 5m (default: not at all)";

export const IGNORE_FREEZE = "--ignore-freeze";
export const IGNORE_FREEZE_HELP = "go on although an operator has locked the host (zdr lock)";

export const JUNIT = "--junit <file>";
export const JUNIT_HELP = "write a JUnit report: a suite for each host, a case for each phase";

export const SKIP = "--skip-unreachable";
export const SKIP_HELP = "do without hosts that cannot be reached (default: refuse, and change nothing)";

export const many = (flags: string, help: string) => new Option(flags, help).argParser(collect);

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
