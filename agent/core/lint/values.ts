/** The other values of a section, whatever the library. */
import { isKept, isStartedAnew, presetLints } from "../presets.ts";
import { isUnder, type Rule, refuse, warn } from "./subject.ts";

/** Below this, supervisor may call a process RUNNING that has died already (process.py, transition). */
const SAFE_START_SECONDS = 2;

/** Variables by which handover libraries and socket masters talk to their own children: from anyone else they mislead. */
const HANDOVER_VARIABLE = new RegExp(
  `^(${[
    "LISTEN_(FDS|PID|FDNAMES|PIDFDID)",
    "ENDLESS_(CONTINUE|SOCKET_ORDER)",
    "(IS_)?GRACEFUL",
    "OVERSEER_\\w*",
    "GO_UPGRADE_BIN_CHECK",
    "TABLEFLIP_HAS_PARENT_7DIU3",
    "EINHORN_\\w*",
    "SERVER_STARTER_\\w*",
  ].join("|")})$`,
);

const directory: Rule = ({ program, layout, facts }) => {
  if (facts.directory === undefined || facts.directory === "") return [];
  const fix = `directory=${layout.deployTo}`;
  if (isUnder(facts.directory, layout.releases)) {
    const text = `directory=${facts.directory} is one release for ever, and keeps it from being removed`;
    return [refuse("directory-names-release", text, fix)];
  }
  if (isStartedAnew(program) || !isUnder(facts.directory, layout.current)) return [];
  // A library that changes its folder by itself has its own lint.
  if (presetLints(program.reload.preset).includes("chdir")) return [];
  if (facts.environment === undefined || facts.environment.has("PWD")) return [];
  const text = `directory=${facts.directory} is resolved once: after a reload the program still stands in the old release`;
  return [warn("directory-current", text, fix)];
};

const environment: Rule = ({ program, facts }) =>
  // A kept program's environment stands in deploy.yml alone.
  [...new Set([...(facts.environment?.keys() ?? []), ...Object.keys(program.environment)])]
    .filter((name) => HANDOVER_VARIABLE.test(name))
    .map((name) => {
      const text = `environment sets ${name}, by which a program believes that it was started by a handover`;
      return refuse("environment-handover", text, `take ${name} out of the environment`);
    });

const startSeconds: Rule = ({ facts }) => {
  if (facts.startSeconds === undefined || facts.startSeconds >= SAFE_START_SECONDS) return [];
  const text = `with startsecs=${facts.startSeconds} supervisor can say RUNNING of a process that has died`;
  return [warn("startsecs", text, `startsecs=${SAFE_START_SECONDS}`)];
};

const stopSeconds: Rule = ({ program, facts }) => {
  const needed = Math.ceil(program.reload.drainMs / 1000);
  if (facts.stopSeconds === undefined || facts.stopSeconds >= needed) return [];
  const text = `stopwaitsecs=${facts.stopSeconds} cuts requests off that may take ${needed} s to finish`;
  return [warn("stopwaitsecs", text, `stopwaitsecs=${needed}`)];
};

/** grace dies at once of a second TERM, with the requests in flight. */
const stopAsGroup: Rule = ({ program, facts }) => {
  if (!isKept(program) || facts.stopAsGroup !== true) return [];
  const text = "with stopasgroup=true the program gets TERM from supervisor and once more from its keeper";
  return [refuse("stopasgroup", text, "stopasgroup=false with killasgroup=true")];
};

const killAsGroup: Rule = ({ facts }) => {
  if (facts.killAsGroup !== false) return [];
  const text = "with killasgroup=false the program's children live on as orphans when it is killed";
  return [warn("killasgroup", text, "killasgroup=true")];
};

const logs: Rule = ({ layout, facts }) =>
  facts.logFiles
    .filter((file) => isUnder(file, layout.current) || isUnder(file, layout.releases))
    .map((file) => {
      const text = `supervisor keeps ${file} open: it stays in one release, and is removed with it`;
      return warn("log-in-release", text, `name a file outside of the releases, such as one in ${layout.shared}`);
    });

export const VALUE_RULES: readonly Rule[] = [
  directory,
  environment,
  startSeconds,
  stopSeconds,
  stopAsGroup,
  killAsGroup,
  logs,
];
