/** What a host is told about a project: deploy.yml, resolved. */
import * as z from "zod/mini";
import { nonNegative, strings } from "./scalars.ts";

/** The presets that `reload:` may name; what each one means stands in agent/core/presets.ts. */
export const PRESET_NAMES = [
  "overseer",
  "overseer-watch",
  "grace",
  "endless",
  "gracehttp",
  "tableflip",
  "reuseport",
  "graceful-url",
  "gunicorn",
  "uwsgi",
  "unicorn",
  "puma",
  "server-starter",
  "einhorn",
  "node",
  "systemd-socket",
  "bluegreen",
  "rolling",
  "restart",
] as const;
/** How a program takes a new release; docs/glossary.md. */
export const STRATEGY_NAMES = [
  "signal",
  "slot",
  "watch",
  "handover",
  "http",
  "socket",
  "bluegreen",
  "rolling",
  "restart",
] as const;
/** Signals that a `reload:` may name. KILL and STOP can not be handled by any program, so they reload nothing. */
export const RELOAD_SIGNALS = ["HUP", "USR1", "USR2", "QUIT", "TERM", "INT", "WINCH", "TTIN", "TTOU"] as const;

/** Where supervisord answers; `discover` searches as supervisorctl does (supervisor/options.py, ClientOptions). */
export const SupervisorAddress = z.object({
  /** `unix:///run/supervisor.sock` or `http://host:port`; absent: discovered. */
  url: z.optional(z.string()),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  /** A supervisord.conf to read instead of searching for one. */
  config: z.optional(z.string()),
});
export type SupervisorAddress = z.infer<typeof SupervisorAddress>;

export const ReloadPlan = z.object({
  preset: z.optional(z.enum(PRESET_NAMES)),
  strategy: z.enum(STRATEGY_NAMES),
  /** Of `watch`: only where the new binary is the one that runs, so that there is nothing to notice. */
  signal: z.optional(z.enum(RELOAD_SIGNALS)),
  /** Of `handover`: ends the old generation where the program does not do that by itself. */
  oldSignal: z.optional(z.enum(RELOAD_SIGNALS)),
  /** Of `http`: asked once, from the host itself. */
  url: z.optional(z.string()),
  /** How long the old generation may take to finish its requests. */
  drainMs: nonNegative,
  /** What becomes of an old generation that has had that long; absent: as the strategy has it. */
  pastDrain: z.optional(z.enum(["end", "leave"])),
});
export type ReloadPlan = z.infer<typeof ReloadPlan>;

/** What a keeper, or supervisord, listens on for a program. `host`: an address in numbers. `mode`: of the socket's file. */
export const ListenPlan = z.union([
  z.object({ host: z.string(), port: nonNegative }),
  z.object({ path: z.string(), mode: z.optional(nonNegative) }),
]);
export type ListenPlan = z.infer<typeof ListenPlan>;

export const HttpHealth = z.object({
  /** `http://host:port/path`, asked from the host itself. */
  http: z.string(),
  /** Of a unix socket: asked over that, whatever host the URL names. */
  socketPath: z.optional(z.string()),
  /** How long a program may take until it is healthy. */
  timeoutMs: nonNegative,
  /** One request's own limit. */
  requestTimeoutMs: nonNegative,
  /** Accepted status codes; empty: 200 to 399. */
  status: z.array(nonNegative),
  /** Steady rate of the meter while the program reloads, requests per second; 0 turns it off. */
  meterRate: nonNegative,
});
export type HttpHealth = z.infer<typeof HttpHealth>;

export const ProgramPlan = z.object({
  /** The name in deploy.yml. */
  name: z.string(),
  /** Supervisor's name for it: `shop` or `group:shop`; with `members`, `group:*`. */
  process: z.string(),
  /** argv; a relative first word stands under `current/`. `{current}`, `{deploy_to}`, `{shared}` and `{run}` are filled in by the agent. */
  command: z.array(z.string()).check(z.minLength(1)),
  reload: ReloadPlan,
  /** Of `bluegreen` and `rolling`, and of no other: how many processes supervisor has of it (numprocs). */
  members: z.optional(nonNegative),
  /** Of `socket`: what is handed to the program, in this order from fd 3 on. Of one with members: at fd 0, and one at most. */
  listen: z.optional(z.array(ListenPlan)),
  health: z.optional(HttpHealth),
  /** argv of the program's own check of a release, run before the flip with `{release}` filled in. */
  check: z.optional(strings),
  /** The user that the program runs as; absent: supervisord's own. */
  user: z.optional(z.string()),
  environment: z.record(z.string(), z.string()),
  autostart: z.boolean(),
  startSeconds: nonNegative,
  stopSeconds: nonNegative,
  /** How long after it was proved a program is watched for a crash loop. */
  watchMs: nonNegative,
});
export type ProgramPlan = z.infer<typeof ProgramPlan>;

export const SharedPlan = z.object({
  dirs: strings,
  files: strings,
});

/** When hooks run, in the order of a deploy; docs/hooks.md. */
export const HOOK_EVENTS = [
  "before_stage",
  "after_stage",
  "before_activate",
  "after_activate",
  "before_keep",
  "after_keep",
  "before_revert",
  "after_revert",
] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];

/** A command that runs on the host when a release gets somewhere. */
export const HookPlan = z.object({
  when: z.enum(HOOK_EVENTS),
  /** A relative first word with a slash stands under the release; one without is looked for in PATH. */
  argv: z.array(z.string()).check(z.minLength(1)),
  /** On one host of a command: it runs only where the CLI asks for it. */
  once: z.boolean(),
  timeoutMs: nonNegative,
  /** Of `after_activate` and `before_keep`: whether its failure costs the release. */
  onFailure: z.enum(["revert", "warn"]),
});
export type HookPlan = z.infer<typeof HookPlan>;

/** Everything a host needs to know of deploy.yml. Sent with each command; a host keeps no copy of the config. */
export const ProjectPlan = z.object({
  project: z.string(),
  deployTo: z.string(),
  supervisor: SupervisorAddress,
  programs: z.array(ProgramPlan),
  shared: SharedPlan,
  /** How many good releases stay. */
  keep: nonNegative,
  /** `normalize`: a+rX,go-w; `preserve`: as built. */
  modes: z.enum(["normalize", "preserve"]),
  hooks: z.optional(z.array(HookPlan)),
  /** Absent: a manifest with a setuid or setgid bit is refused. */
  allowSetuid: z.optional(z.boolean()),
  /** `required`: refuse (exit 5) where a process of another user can not be looked into. */
  proof: z.enum(["best", "required"]),
});
export type ProjectPlan = z.infer<typeof ProjectPlan>;

/** Who asks, for the lock and the ledger. */
export const Actor = z.object({
  user: z.string(),
  host: z.string(),
  /** URL of the CI run, where there is one. */
  run: z.optional(z.string()),
  /** A name of this one run of zdr, the same on all of its hosts. */
  command: z.optional(z.string()),
});
export type Actor = z.infer<typeof Actor>;
