/** Which file supervisor starts: it must be the release of the day, whatever day it is. */
import { posix } from "node:path";
import type { LintFinding } from "../../wire/program.ts";
import { isKept, isStartedAnew } from "../presets.ts";
import { STRATEGY_SECTIONS } from "../section/strategies.ts";
import { keeperWords, programCommand, wantedCommand } from "../section.ts";
import { isUnder, mentions, type Rule, refuse, type Subject, warn } from "./subject.ts";

const SHELLS = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash"]);

/** deploy.yml's own words: a command may not climb out of `current`, and has no release to name. */
export function planWords({ program }: Subject): LintFinding[] {
  const [first = ""] = program.command;
  const findings: LintFinding[] = [];
  if (first.split("/").includes("..")) {
    findings.push(
      refuse(
        "command-climbs",
        `the command ${first} climbs out of its folder by ..`,
        "name it under current/ without ..",
      ),
    );
  }
  if (program.command.some((word) => word.includes("{release}"))) {
    findings.push(
      refuse("command-names-release", "the command holds {release}, which changes with each deploy", "use {current}"),
    );
  }
  return findings;
}

const path: Rule = (subject) => {
  const { program, layout, facts } = subject;
  if (facts.words === undefined || facts.words.length === 0) return [];
  const fix = `command=${wantedCommand(program, layout).join(" ")}`;
  // What a keeper starts stands in deploy.yml, and nowhere in supervisor's files.
  if (isKept(program)) {
    const words = programCommand(program, layout);
    return [
      ...keeper(subject, fix),
      ...programPath({ ...subject, facts: { ...facts, words } }, "begin it under {current}"),
    ];
  }
  return programPath(subject, fix);
};

function programPath({ program, layout, facts }: Subject, fix: string): LintFinding[] {
  const [first = ""] = facts.words ?? [];
  const fixed = facts.words?.find((word) => word.includes(`${layout.releases}/`));
  if (fixed !== undefined) {
    const text = `the command names ${fixed}: after a flip it would start the old release`;
    return [refuse("command-names-release", text, fix)];
  }
  if (!first.startsWith("/")) {
    // Looked up from supervisord's folder or in its PATH, neither of which is the release (process.py, get_execv_args).
    return [refuse("command-relative", `the command begins with ${first}, which is no absolute path`, fix)];
  }
  if (STRATEGY_SECTIONS[program.reload.strategy].command === "slot")
    return slot({ program, layout, facts }, first, fix);
  if (isUnder(first, layout.current)) return [];
  // Written by zdr for the preset that deploy.yml had before: that it differs is told, and says it all.
  if (facts.words?.at(-2) === layout.keeper) return [];
  // An interpreter or a tool from elsewhere runs the release if it is told of it: --chdir, a script, sh -c '…'.
  const isTool = !isUnder(first, layout.deployTo);
  if (isTool && facts.words?.slice(1).some((word) => mentions(word, layout.current))) return [];
  const wanted = wantedCommand(program, layout).some((word) => mentions(word, layout.current));
  const better = wanted ? fix : "in deploy.yml name what it runs by {current}, such as {current}/server.mjs";
  return [refuse("command-not-current", `the command ${first} does not go through ${layout.current}`, better)];
}

/** overseer re-executes its realpath: through `current` it would start its first release for ever. */
function slot({ program, layout }: Subject, first: string, fix: string): LintFinding[] {
  if (first === wantedCommand(program, layout)[0]) return [];
  const text = isUnder(first, layout.current)
    ? `the command ${first} goes through current, but the program re-executes its realpath: it would stay on one release`
    : `the command ${first} is not the slot that a deploy renews`;
  return [refuse("command-not-slot", text, fix)];
}

/** Without a keeper, supervisor takes the end of the old process for the end of the program, and closes its log. */
function keeper({ program, layout, facts }: Subject, fix: string): LintFinding[] {
  const [first = "", ...words] = facts.words ?? [];
  if (first.startsWith("/") && words.slice(-2).join("\0") === keeperWords(program, layout).join("\0")) return [];
  const what = program.reload.preset ?? `strategy ${program.reload.strategy}`;
  const text = `the command ${first} is not zdr's keeper: with ${what}, supervisor would lose the program at the first reload`;
  return [refuse("command-not-keeper", text, `${fix}; then zdr setup puts the keeper there`)];
}

/** A signal goes to supervisor's child alone, and that may be the shell. */
const shell: Rule = ({ program, facts }) => {
  const [first, option, script] = facts.words ?? [];
  if (isStartedAnew(program) || isKept(program) || first === undefined || script === undefined) return [];
  const isShell = SHELLS.has(posix.basename(first)) && /^-\w*c$/.test(option ?? "");
  if (!isShell || /(^|[\s;&])exec\s/.test(script)) return [];
  const text = `${posix.basename(first)} -c stands between supervisor and the program: the reload's signal may end it`;
  return [warn("command-shell", text, "begin the script's last command with exec")];
};

export const COMMAND_RULES: readonly Rule[] = [path, shell];
