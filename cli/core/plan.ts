/** What deploy.yml means: for the agent, and for whoever connects to the hosts. */

import { HOOK_EVENTS, type ProgramPlan, type ProjectPlan } from "../../agent/wire/plan.ts";
import { ZdrError } from "../failure.ts";
import { didYouMean } from "./closest.ts";
import type { Login } from "./config/rules/host-entry.ts";
import type { HostConfig, ProgramConfig } from "./config/schema.ts";
import type { Config } from "./config.ts";
import type { RolloutPlan } from "./fleet/rollout.ts";
import { chooseHosts, type HostChoice } from "./fleet/select.ts";

/** What supervisor waits beyond the drain time before it kills a program, where deploy.yml says nothing. */
const STOP_MARGIN_SECONDS = 5;
/** Processes of a program with members, where deploy.yml says nothing. */
const MEMBERS = 2;

export interface SshHost extends Login {
  readonly name: string;
  readonly kind: "ssh";
  /** Files to look into; none: what the SSH configuration says, or the usual ones. */
  readonly knownHosts: readonly string[];
  /** Hosts on the way, the first one first; absent: what the SSH configuration says. */
  readonly jump?: readonly Login[] | undefined;
  /** `openssh`: the system's ssh instead of our own. */
  readonly transport: "builtin" | "openssh";
  /** The SSH configuration to go by, as a path or `none`; absent: the user's and the system's. */
  readonly config?: string | undefined;
  /** Path of Node at the other end. */
  readonly node?: string;
  readonly connectTimeoutMs: number;
  /** Absent: agent/protocol.ts says. */
  readonly heartbeatMs?: number;
  readonly silenceMs?: number;
}

export type HostTarget =
  /** This machine, without SSH. */
  { readonly name: string; readonly kind: "local"; readonly node?: string } | SshHost;

/**
 * What the agent is told with each command. Holds supervisor's password in clear: it is for the wire, not for logs. With `host`, a
 * name of deploy.yml's, only the programs that are bound to none of the roles that it lacks.
 *
 * @throws ZdrError `usage` for a program that no host runs.
 */
export function projectPlan(config: Config, host?: string): ProjectPlan {
  const { url, username, password, config: supervisorConfig } = config.supervisor;
  return {
    project: config.project,
    deployTo: config.deploy_to,
    supervisor: { url, username, password: password?.reveal(), config: supervisorConfig },
    programs: Object.entries(config.programs)
      .filter(([name, program]) => isRunBy(config, name, program, host))
      .map(([name, program]) => programPlan(name, program)),
    shared: config.shared,
    ...hostHooks(config),
    keep: config.keep,
    modes: config.modes,
    ...(config.allow_setuid ? { allowSetuid: true } : {}),
    proof: config.proof,
  };
}

function isRunBy({ hosts }: Config, name: string, { roles }: ProgramConfig, host: string | undefined): boolean {
  if (roles.length === 0) return true;
  const runners = hosts.filter((one) => one.roles.some((role) => roles.includes(role)));
  if (runners.length > 0) return host === undefined || runners.some((one) => one.name === host);
  const known = [...new Set(hosts.flatMap((one) => one.roles))];
  const hint =
    didYouMean(roles[0] ?? "", known) ?? `the hosts' roles: ${known.length === 0 ? "none" : known.join(", ")}`;
  throw new ZdrError({
    kind: "usage",
    problem: `no host has a role of the program ${name}: ${roles.join(", ")}`,
    hint,
  });
}

/** Those of these programs, or of their members, that are in the plan of a host. */
export function programsIn({ programs }: ProjectPlan, names: readonly string[]): string[] {
  return names.filter((name) => programs.some((program) => program.name === name || isMember(name, program.process)));
}

/** The hooks that run here, as far as a plan's ID tells of them. */
export function localHooks({ hooks }: Pick<Config, "hooks">) {
  return HOOK_EVENTS.flatMap((when) =>
    (hooks[when] ?? [])
      .filter(({ on }) => on === "local")
      .map(({ argv, timeout }) => ({ when, argv, timeoutMs: timeout })),
  );
}

function hostHooks({ hooks }: Config): Pick<ProjectPlan, "hooks"> {
  const all = HOOK_EVENTS.flatMap((when) =>
    (hooks[when] ?? []).flatMap(({ on, argv, once, timeout, on_failure }) =>
      on === "local" ? [] : [{ when, argv, once, timeoutMs: timeout, onFailure: on_failure }],
    ),
  );
  return all.length === 0 ? {} : { hooks: all };
}

function programPlan(name: string, program: ProgramConfig): ProgramPlan {
  const { reload, health, watch, start_seconds, stop_seconds } = program;
  return {
    name,
    process: processOf(name, program),
    ...(hasMembers(program) ? { members: program.members ?? MEMBERS } : {}),
    command: program.command,
    reload: { ...reload, ...reloadUrl(program) },
    ...(program.listen.length === 0 ? {} : { listen: program.listen }),
    health: health && {
      http: health.http,
      ...(health.socket === undefined ? {} : { socketPath: health.socket }),
      timeoutMs: health.timeout,
      requestTimeoutMs: health.request_timeout,
      status: health.status,
      meterRate: health.meter,
    },
    check: program.check,
    user: program.user,
    environment: program.environment,
    autostart: program.autostart,
    startSeconds: start_seconds,
    stopSeconds: stop_seconds ?? Math.ceil(reload.drainMs / 1000) + STOP_MARGIN_SECONDS,
    watchMs: watch,
  };
}

/** Of which supervisor runs several processes. */
function hasMembers({ reload: { strategy } }: ProgramConfig): boolean {
  return strategy === "bluegreen" || strategy === "rolling";
}

/** Supervisor's name: the one in deploy.yml, or what `setup` gives it. */
function processOf(name: string, program: ProgramConfig): string {
  return program.process ?? (hasMembers(program) ? `${name}:*` : name);
}

/** The preset's own path, beside the health check, where deploy.yml names none. */
function reloadUrl({ reload, health }: ProgramConfig): { readonly url?: string } {
  if (reload.strategy !== "http" || reload.url !== undefined || health === undefined) return {};
  return { url: new URL("/graceful", health.http).href };
}

/** Whether a command, which everybody on its host can read, may not hold this plan. */
export function isConfidential({ supervisor, programs, hooks }: ProjectPlan): boolean {
  return (
    supervisor.password !== undefined ||
    hooks !== undefined ||
    programs.some(
      ({ environment, health, reload }) =>
        Object.keys(environment).length > 0 || health?.http.includes("?") || reload.url?.includes("?"),
    )
  );
}

function hostTarget(host: HostConfig, { ssh, node: commonNode }: Config): HostTarget {
  const node = host.node ?? commonNode;
  const common = { name: host.name, ...(node === undefined ? {} : { node }) };
  if (host.kind === "local") return { ...common, kind: "local" };
  return {
    ...common,
    kind: "ssh",
    address: host.address,
    port: host.port ?? ssh.port,
    user: host.user ?? ssh.user,
    keys: host.keys.length > 0 ? host.keys : ssh.key,
    hostKeys: host.hostKeys,
    knownHosts: ssh.known_hosts,
    jump: host.jump ?? ssh.jump,
    transport: host.transport ?? ssh.transport,
    config: ssh.config,
    connectTimeoutMs: ssh.connect_timeout,
    heartbeatMs: ssh.heartbeat,
    silenceMs: ssh.silence,
  };
}

/**
 * The programs' names in deploy.yml, in its order; all of them where none is named. Supervisor's names are taken too, and
 * those of single members, which come back as they are.
 *
 * @throws ZdrError `usage` for a name that is neither.
 */
export function selectPrograms(config: Config, names: readonly string[]): string[] {
  const programs = Object.entries(config.programs).map(([name, program]) => ({
    name,
    process: processOf(name, program),
  }));
  if (names.length === 0) return programs.map(({ name }) => name);
  const known = programs.flatMap((program) => [program.name, program.process]);
  for (const name of names) {
    const isKnown = known.includes(name) || programs.some(({ process }) => isMember(name, process));
    if (!isKnown) throw unknownName("program", name, known);
  }
  return programs.flatMap(({ name, process }) => {
    if (names.includes(name) || names.includes(process)) return [name];
    return names.filter((asked) => isMember(asked, process));
  });
}

/** The hosts that a command is for (chooseHosts). @throws ZdrError `usage` */
export function selectHosts(config: Config, choice: HostChoice): HostTarget[] {
  return chooseHosts(config.hosts, choice).map((host) => hostTarget(host, config));
}

const isMember = (name: string, process: string) => process.endsWith(":*") && name.startsWith(process.slice(0, -1));

function unknownName(what: "program", name: string, known: readonly string[]): ZdrError {
  const hint = didYouMean(name, known) ?? `its ${what}s are: ${[...new Set(known)].join(", ")}`;
  return new ZdrError({ kind: "usage", problem: `the config has no ${what} named "${name}"`, hint });
}

/** How a release goes over the hosts. */
export function rolloutPlan({ rollout }: Pick<Config, "rollout">): RolloutPlan {
  const { batch, pause, max_failures, on_failure } = rollout;
  return { batch, pauseMs: pause, maxFailures: max_failures, onFailure: on_failure };
}
