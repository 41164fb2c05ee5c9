/** The commander tree as data. */
import type { ArgumentInfo, FlagInfo, ProgramTree, VerbInfo } from "../core/reference/tree.ts";
import { type Argument, type Command, detailsOf, EXIT_CODES, type Option } from "./verb.ts";

/** The verbs that the help lists, in its order. */
export function treeOf(program: Command): ProgramTree {
  const help = program.createHelp();
  const verbs = help.visibleCommands(program).filter((command) => command.name() !== "help");
  return {
    ...{ description: program.description(), exitCodes: EXIT_CODES.trim() },
    flags: help.visibleOptions(program).map(flagOf),
    verbs: verbs.map((command) => verbOf(command)),
  };
}

function verbOf(command: Command): VerbInfo {
  const { examples, exitCodes } = detailsOf(command);
  return {
    ...{ name: command.name(), summary: command.summary(), examples },
    exitCodes: exitCodes === EXIT_CODES ? "" : exitCodes.trim(),
    arguments: command.registeredArguments.map(argumentOf),
    flags: command.createHelp().visibleOptions(command).map(flagOf),
  };
}

function flagOf({ short, long, flags, variadic, description }: Option): FlagInfo {
  const value = /[<[].*$/.exec(flags)?.[0];
  return {
    ...{ long: long ?? "", isMany: variadic, help: description },
    ...(short === undefined || short === null ? {} : { short }),
    ...(value === undefined ? {} : { value }),
  };
}

function argumentOf(argument: Argument): ArgumentInfo {
  const { variadic: isMany, required: isRequired, description: help } = argument;
  return { name: argument.name(), isMany, isRequired, help };
}
