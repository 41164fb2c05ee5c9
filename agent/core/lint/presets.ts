/** What only some libraries need; a preset names its own (agent/core/presets.ts). */

import type { SectionFacts } from "../section/facts.ts";
import type { PresetLint } from "../section/preset.ts";
import { optionValue } from "./options.ts";
import { PRODUCT_RULES } from "./products.ts";
import { isUnder, type Rule, refuse, warn } from "./subject.ts";

const asyncPreemption: Rule = ({ facts }) => {
  if (facts.environment === undefined) return [];
  const value = facts.environment.has("GODEBUG") ? facts.environment.get("GODEBUG") : "";
  if (value === undefined || value.split(",").includes("asyncpreemptoff=1")) return [];
  const text = "overseer passes on Go's own SIGURG too, and now and then ends with all its connections as it reloads";
  return [refuse("overseer-preemption", text, 'environment=GODEBUG="asyncpreemptoff=1"')];
};

const groupStop: Rule = ({ facts }) => {
  if (facts.stopAsGroup !== true) return [];
  const text = "with stopasgroup=true the program gets TERM from supervisor and once more from overseer's master";
  return [warn("stopasgroup", text, "stopasgroup=false with killasgroup=true")];
};

/** As overseer starts it moves its binary away and back: /tmp may be another file system, and is sticky. */
const ownTemporary: Rule = ({ layout, facts }) => {
  const folder = facts.environment?.get("TMPDIR");
  if (folder === undefined || isUnder(folder, layout.deployTo)) return [];
  const text = `with TMPDIR=${folder} overseer may not get its binary back that it moves there as it starts`;
  return [warn("overseer-temporary", text, "leave TMPDIR to zdr, or name a folder under deploy_to")];
};

const preload: Rule = ({ program, facts }) => {
  if (program.reload.signal !== "HUP" || !gunicornWords(facts).includes("--preload")) return [];
  const text = "with --preload, HUP starts workers with the old code";
  return [refuse("gunicorn-preload", text, "take --preload out of the command")];
};

/** gunicorn's master stays in the folder that it was started in, unless HUP makes it change there again by name. */
const chdir: Rule = ({ layout, facts }) => {
  if (facts.words === undefined) return [];
  const fix = `--chdir ${layout.current}`;
  const folder = optionValue(gunicornWords(facts), "--chdir");
  if (folder !== undefined) {
    if (isUnder(folder, layout.current)) return [];
    return [
      refuse("gunicorn-chdir", `--chdir ${folder} does not go through current: HUP would load the same code`, fix),
    ];
  }
  const doubt =
    standsInCurrent(facts, layout.current) ?? (hasConfigFile(facts) ? "its config file has a chdir" : undefined);
  if (doubt === "") return [];
  if (doubt === undefined) {
    return [
      refuse("gunicorn-chdir", "without --chdir, HUP loads the code of the release that gunicorn was started in", fix),
    ];
  }
  return [
    warn("gunicorn-chdir", `unless ${doubt}, HUP loads the code of the release that gunicorn was started in`, fix),
  ];
};

/**
 * gunicorn (util.py, getcwd) believes PWD where it names the folder that it stands in. Empty: it surely does so; words: it
 * may; undefined: it does not.
 */
function standsInCurrent(facts: SectionFacts, current: string): string | undefined {
  if (facts.directory === undefined || facts.directory === "" || !isUnder(facts.directory, current)) return undefined;
  if (facts.environment === undefined) return "PWD in its environment names current";
  const pwd = facts.environment.get("PWD");
  if (pwd === undefined) return facts.environment.has("PWD") ? "PWD in its environment names current" : undefined;
  return isUnder(pwd, current) ? "" : undefined;
}

function hasConfigFile(facts: SectionFacts): boolean {
  return gunicornWords(facts).some((word) => /^(-c|--config)($|=)/.test(word) || /^-c./.test(word));
}

/** gunicorn reads options from its command line and from GUNICORN_CMD_ARGS. */
function gunicornWords(facts: SectionFacts): readonly string[] {
  const fromEnvironment = facts.environment?.get("GUNICORN_CMD_ARGS")?.split(/\s+/) ?? [];
  return [...fromEnvironment, ...(facts.words ?? [])];
}

export const PRESET_RULES: Record<PresetLint, Rule> = {
  "async-preemption": asyncPreemption,
  "group-stop": groupStop,
  "own-temporary": ownTemporary,
  chdir,
  preload,
  ...PRODUCT_RULES,
};
