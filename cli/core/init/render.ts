/** deploy.yml as `zdr init` writes it: short, with a word on what each line is for. */
import type { Found } from "./look.ts";

export interface Answers {
  readonly project: string;
  readonly deployTo: string;
  /** As `hosts:` takes them: `deploy@web1`, `local`. */
  readonly hosts: readonly string[];
  readonly preset: Found["preset"];
  readonly command: string;
  /** Undefined: the program is not asked. */
  readonly health: string | undefined;
}

/** Presets whose sockets the keeper, or supervisord, opens. */
const LISTENING: ReadonlySet<string> = new Set(["node", "systemd-socket", "bluegreen"]);
/** A command for one of them is one for the other, too. */
const MEMBERS: ReadonlySet<string> = new Set(["bluegreen", "rolling"]);
const FALLBACK = "127.0.0.1:8080";

/** Where it listens: what the health check asks. */
export function listenAddress(health: string | undefined): string {
  if (health === undefined) return FALLBACK;
  const [, host = ""] = /^http:\/\/([^/]+)/.exec(health) ?? [];
  return host === "" ? FALLBACK : host.includes(":") ? host : `${host}:80`;
}

const USUAL_BUILD: Found["build"] = { path: "build" };

/** `guesses`: what is to be looked at beside the notes on what was found. `build`: as seen from where the file will stand. */
export function renderDeployYml(
  found: Found | undefined,
  answers: Answers,
  guesses: readonly string[] = [],
  build = buildOf(found),
): string {
  const { project, deployTo, hosts, preset, command, health } = answers;
  const { user, check, what = "nothing that zdr knows", notes = [] } = found ?? {};
  const isItsOwn = preset === found?.preset || (MEMBERS.has(preset) && command === found?.command);
  const listens = (isItsOwn ? found?.listens : undefined) ?? LISTENING.has(preset);
  const address = listenAddress(health);
  const filled = command.replaceAll("HOST:PORT", address);
  const toLookAt = [...notes, ...guesses].map((note) => `# Look at: ${note}.\n`).join("");
  return `# yaml-language-server: $schema=./deploy.schema.json
# Written by zdr init, which saw ${what}. The schema, for editors: zdr schema > deploy.schema.json
# Every key there is: zdr explain, or deploy.example.yml.
${toLookAt}
project: ${quoted(project)}

# On each host. releases/, current, shared/ and run/ stand in it; zdr setup makes them.
deploy_to: ${quoted(deployTo)}

# What is deployed: a folder or a .tar.gz${build.run === undefined ? "" : ", made by this command, which runs here before each deploy"}.
build:
${build.run === undefined ? "  # run: make dist\n" : `  run: ${quoted(build.run)}\n`}  path: ${quoted(build.path)}

# [user@]address[:port], an alias of your SSH configuration, or local.
hosts:
${hosts.map((host) => `  - ${quoted(host)}\n`).join("")}
# One host first, then the others; a release that fails is given up everywhere.
rollout: { batch: [1, "100%"], on_failure: revert-all }

# What outlives releases, linked into each of them.
# shared: { dirs: [logs], files: [.env] }

programs:
  ${quoted(project)}:
    # ${COMMAND_WORDS[preset] ?? "A relative first word stands under current/."}
    command: ${quoted(filled)}
    # How it takes a new release; docs/strategies.md says what each needs of the program.
    reload: ${preset}
${listens ? `    # Opened before the program starts, and handed to it.\n    listen: ${quoted(address)}\n` : ""}${
  health === undefined
    ? '    # Without a check, a release counts as healthy when it runs and accepts.\n    # health: { http: "http://127.0.0.1:8080/healthz" }\n'
    : `    # Asked on the host itself: before a release is kept, and all through the reload, to count what fails.\n    health: { http: ${quoted(health)} }\n`
}${check === undefined ? "" : `    # Run in the release before anything takes it: one that can not even be loaded is found by this.\n    check: ${quoted(check)}\n`}${user === undefined ? "" : `    # Whom supervisord starts it as.\n    user: ${quoted(user)}\n`}`;
}

/** As seen from the folder that was looked at. */
export function buildOf(found: Found | undefined): Found["build"] {
  return found?.build ?? USUAL_BUILD;
}

const COMMAND_WORDS: Readonly<Record<string, string>> = {
  gunicorn: "By {current}, which each reload reads anew; without --chdir workers would stay in the old release.",
  node: "By {current}: each start reads it anew.",
};

/** As YAML has it: plain where that can not be misread. */
function quoted(text: string): string {
  return /^[A-Za-z0-9/][A-Za-z0-9._/@-]*$/.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text);
}

const RESERVED = /^(?:true|false|null|yes|no|on|off|[0-9.]+|0x[0-9a-f]+|[0-9.]+e[0-9]+)$/i;
