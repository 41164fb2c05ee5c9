/** The command line: every verb with its flags, defaults and help lines. What a verb does is loaded when it is asked for. */
import { Command, CommanderError } from "commander";
import { ZdrError } from "./failure.ts";
import { addControls, addDeploy, addFreeze, addRollback, addSetup } from "./program/changing.ts";
import { addCompletion, addExplain, addSchema } from "./program/local.ts";
import { addHistory, addReleases, addReport, addStatus, addTrust, addVerify } from "./program/reading.ts";
import { addDoctor, addExec, addInit, addLogs, addPlan, addSsh } from "./program/tools.ts";
import { type Asked, EXIT_CODES, type Take } from "./program/verb.ts";

/** Help or version was printed; there is nothing to do. */
export class NothingAsked extends Error {}

/** Reads the command line. Throws `usage`, or NothingAsked where commander has answered by itself. */
export function parseCommandLine(argv: readonly string[], version: string): Asked {
  let asked: Asked | undefined;
  const program = buildProgram(version, (taken) => {
    asked = { ...taken, verb: program.args[0] ?? "" };
  });
  try {
    program.parse(verbFirst(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0 && error.code === "commander.help") program.outputHelp();
    if (error.exitCode === 0 || error.code === "commander.help") throw new NothingAsked();
    throw usage(error.message, verbIn(program, verbFirst(argv)));
  }
  if (!asked) throw new NothingAsked();
  return asked;
}

/** `zdr -e staging deploy` as `zdr deploy -e staging`: which config it goes by may be said before what it does. */
function verbFirst(argv: readonly string[]): readonly string[] {
  let at = 0;
  for (let words = wordsOf(argv[at]); words > 0; words = wordsOf(argv[at])) at += words;
  const verb = argv[at];
  return at === 0 || verb === undefined ? argv : [verb, ...argv.slice(0, at), ...argv.slice(at + 1)];
}

/** How many words a flag and its value take: `-e staging`, `-estaging`, `--environment staging`, `--environment=staging`. 0: it is none of them. */
function wordsOf(word = ""): 0 | 1 | 2 {
  if (WITH_VALUE.has(word)) return 2;
  return /^(?:-[ec]|--(?:environment|config)=)./.test(word) ? 1 : 0;
}

const WITH_VALUE: ReadonlySet<string> = new Set(["-e", "--environment", "-c", "--config"]);

/** The verb that was asked for, so that its own help is named; undefined: none that there is. */
function verbIn(program: Command, [word]: readonly string[]): string | undefined {
  return program.commands.some((command) => command.name() === word) ? word : undefined;
}

function usage(message: string, verb: string | undefined): ZdrError {
  const [problem = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const help = verb === undefined ? "see: zdr --help" : `see: zdr ${verb} --help`;
  const hint = suggestion === undefined || suggestion === "" ? help : suggestion.replace(/^\(|\)$/g, "");
  return new ZdrError({ kind: "usage", problem, hint });
}

/** The whole tree; `take` is given what the command line asks for. */
export function buildProgram(version: string, take: Take): Command {
  const program = new Command("zdr")
    .description("Deploys builds to hosts under supervisord, and proves that the new release serves.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", `${EXIT_CODES}\nStart with: zdr init, zdr doctor, zdr setup, then zdr deploy --tag v1`)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addInit(program, take);
  addDoctor(program, take);
  addPlan(program, take);
  addDeploy(program, take);
  addRollback(program, take);
  addStatus(program, take);
  addReleases(program, take);
  addSetup(program, take);
  addControls(program, take);
  addFreeze(program, take);
  addHistory(program, take);
  addReport(program, take);
  addLogs(program, take);
  addExec(program, take);
  addSsh(program, take);
  addTrust(program, take);
  addVerify(program, take);
  addExplain(program, take);
  addSchema(program, take);
  addCompletion(program, take);
  return program;
}
