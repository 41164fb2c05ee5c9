/**
 * What `reload:` may name. A preset is data: what its library does on a reload decides how zdr asks for one, what the
 * supervisor section must hold, and which mistakes are looked for. The measured behaviour behind each entry is told in
 * docs/; a new preset is one more entry, and needs code only where it brings a strategy or a lint of its own.
 */
import type { ReloadPlan } from "../wire/plan.ts";
import type { Workers } from "./generation.ts";
import type { Preset, PresetLint, PresetName, StrategyName } from "./section/preset.ts";
import { STRATEGY_SECTIONS } from "./section/strategies.ts";

/** A library whose process forks its successor and ends: a keeper stands in its place, and never accepts. */
const HANDED_OVER = {
  strategy: "handover",
  master: true,
  hearsWhileHung: false,
  environment: {},
  lints: [],
} as const satisfies Partial<Preset>;

/** Each member is a process that is stopped and started, while others accept. */
const MEMBERS = {
  master: false,
  hearsWhileHung: true,
  drainMs: 30_000,
  environment: {},
  lints: [],
} as const satisfies Partial<Preset>;

/** The keeper has the sockets, and starts the new release beside the old one. */
const SOCKETS_PASSED = {
  strategy: "socket",
  master: true,
  hearsWhileHung: true,
  drainMs: 30_000,
  environment: {},
  lints: [],
} as const satisfies Partial<Preset>;

/**
 * github.com/jpillora/overseer: re-executes os.Executable(), a realpath, so `current` would pin it to its first release;
 * proxies every signal, Go's own SIGURG too, and exits when one reaches a slave that has just gone.
 */
const OVERSEER = {
  master: true,
  // It waits for the slave that it asked to go, for all of TerminateTimeout (proc_master.go, triggerRestart).
  hearsWhileHung: false,
  signal: "USR2",
  drainMs: 30_000,
  environment: { GODEBUG: "asyncpreemptoff=1" },
  // overseer.Run prints the token and exits before anything else happens (overseer.go, sanityCheck).
  check: ([binary = ""]: readonly string[]) => ({
    words: [binary.startsWith("{") || binary.startsWith("/") ? binary : `{release}/${binary}`],
    environment: { OVERSEER_BIN_CHECK: "zdr-check-7c1d0a52" },
    expect: "zdr-check-7c1d0a52",
  }),
} as const satisfies Partial<Preset>;

export const PRESETS: Record<PresetName, Preset> = {
  overseer: {
    ...OVERSEER,
    strategy: "slot",
    lints: ["async-preemption", "group-stop"],
    cannot: "overseer can not keep the old release when the new one crashes as it starts: the whole program ends",
  },
  // The same with its File fetcher, which moves the binary through os.TempDir() and back at each start: from another file
  // system by mv(1), and out of a sticky folder only if the file is its own (proc_master.go, checkBinary).
  "overseer-watch": {
    ...OVERSEER,
    strategy: "watch",
    defaults: { TMPDIR: "{run}" },
    lints: ["async-preemption", "group-stop", "own-temporary"],
    cannot:
      "overseer can not notice a release before its fetcher's interval is over, nor keep the old one when that crashes as it starts",
  },
  // github.com/facebookgo/grace: the child sends TERM to its parent once it listens (gracehttp/http.go, Serve); a start that
  // the kernel refuses ends the parent, which is why a release is looked at before the flip.
  grace: {
    ...HANDED_OVER,
    signal: "USR2",
    // httpdown's StopTimeout: what is open by then is closed.
    drainMs: 60_000,
    cannot: "grace can not survive a release that the kernel refuses to execute: the old process ends with it",
  },
  // github.com/fvbock/endless: remembers for ever that it has forked, and never closes what it got of File() (endless.go, fork).
  endless: {
    ...HANDED_OVER,
    signal: "HUP",
    // Its successor sends it as well, and endless may miss that: it takes signals by a channel without a place to wait in, and for
    // as long as it forks (endless.go, handleSignals) nobody takes anything. A second one does nothing (shutdown).
    oldSignal: "TERM",
    deafAfterFailure: true,
    keepsCopy: true,
    // DefaultHammerTime.
    drainMs: 60_000,
    cannot: "endless can not reload a second time after a release that did not come up: the program must be restarted",
  },
  // github.com/tabalt/gracehttp: the parent shuts down as soon as it has forked; it does not close what it got of File() either.
  gracehttp: {
    ...HANDED_OVER,
    signal: "USR2",
    keepsCopy: true,
    drainMs: 60_000,
    cannot:
      "gracehttp can not keep the old release when the new one crashes or hangs: it has stopped listening by then",
  },
  // github.com/cloudflare/tableflip: the parent goes on until the child says Ready.
  tableflip: {
    ...HANDED_OVER,
    signal: "HUP",
    drainMs: 60_000,
    cannot: "tableflip can not start another successor while the old process still finishes its requests",
  },
  // HUP starts new workers in the folder that the master remembers; with --preload they are copies of the old code.
  gunicorn: {
    strategy: "signal",
    master: true,
    keepsWorkers: true,
    hearsWhileHung: true,
    signal: "HUP",
    drainMs: 30_000,
    environment: {},
    lints: ["chdir", "preload"],
    // Imports the application as a worker would, which is where most broken releases break (gunicorn/app/base.py).
    check: (command) => ({ words: [...command, "--check-config"], environment: {} }),
    cannot: "gunicorn can not take a new version of itself or of its Python by HUP, only of the application",
  },
  // HUP ends its workers when they have answered, and executes uWSGI anew with the same pid and socket (master_utils.c,
  // uwsgi_reload). A worker may take 60 s by default (--worker-reload-mercy).
  uwsgi: {
    strategy: "signal",
    master: true,
    // The master waits for a worker that hangs as it loads, for all of --worker-reload-mercy.
    hearsWhileHung: false,
    signal: "HUP",
    drainMs: 60_000,
    environment: {},
    lints: ["uwsgi"],
    cannot: "uWSGI can not keep the old release when the new one can not be loaded: its old workers have gone by then",
  },
  // HUP tells all workers at once to finish, and starts new ones in working_directory (unicorn/http_server.rb, load_config!).
  // USR2 would start a second master beside the first, and TERM ends workers in the middle of a request.
  unicorn: {
    strategy: "signal",
    master: true,
    // Workers are told over a pipe, which one that hangs as it loads does not read (unicorn/worker.rb, soft_kill).
    hearsWhileHung: false,
    signal: "HUP",
    stopSignal: "QUIT",
    // A worker that takes longer is killed: `timeout` of unicorn.rb.
    drainMs: 60_000,
    environment: {},
    lints: ["unicorn"],
    cannot:
      "unicorn can not keep the old release when the new one crashes or hangs, nor take new gems without a restart",
  },
  // USR1 ends and starts worker after worker (puma/cluster.rb, check_workers), and goes on with it until all are new.
  puma: {
    strategy: "signal",
    // Without workers it is one process, which executes itself anew. Its master of workers waits on a pipe of its own only.
    master: false,
    hearsWhileHung: true,
    gradual: true,
    signal: "USR1",
    // worker_shutdown_timeout.
    drainMs: 30_000,
    environment: {},
    lints: ["puma"],
    cannot: "puma can not take a new config file, or a new version of itself, by a phased restart",
  },
  // start_server: starts the program anew until one lives for --interval, and then ends all older ones, also those that
  // it has been told to keep for --kill-old-delay (Server/Starter.pm).
  "server-starter": {
    strategy: "signal",
    master: true,
    hearsWhileHung: true,
    gradual: true,
    starts: true,
    signal: "HUP",
    drainMs: 30_000,
    environment: {},
    lints: ["server-starter"],
    cannot:
      "Server::Starter can not tell that a new release hangs: it ends the old one when the new one has lived a second",
  },
  // github.com/stripe/einhorn: HUP executes the master itself anew, and replaces a worker for each new one that is acked.
  einhorn: {
    strategy: "signal",
    master: true,
    hearsWhileHung: true,
    gradual: true,
    starts: true,
    signal: "HUP",
    drainMs: 30_000,
    environment: {},
    lints: ["einhorn"],
    cannot: "einhorn can not tell that a new release hangs, unless it waits for a word of it (-m manual)",
  },
  node: {
    ...SOCKETS_PASSED,
    cannot:
      "a Node server can not let kept-alive connections go by itself: after TERM it must answer Connection: close",
  },
  "systemd-socket": {
    ...SOCKETS_PASSED,
    cannot:
      "a program that opens its own sockets can not be passed any: it must take them from LISTEN_FDS, and drain on TERM",
  },
  // SO_REUSEPORT, by hand: the successor binds a socket of its own.
  reuseport: {
    ...HANDED_OVER,
    signal: "USR2",
    oldSignal: "QUIT",
    drainMs: 30_000,
    cannot: "without tcp_migrate_req=1 in net/ipv4, SO_REUSEPORT can not save what waits in the old socket's queue",
  },
  // GET /graceful, by hand: fork with the socket at fd 3, often of a relative path, in a process group of its own.
  "graceful-url": {
    ...HANDED_OVER,
    strategy: "http",
    drainMs: 30_000,
    cannot:
      "most /graceful servers can not keep the old release when the new one crashes: the old one has ended by then",
  },
  // Programs that share a socket with others of their kind: fd 0, which supervisord opens, or SO_REUSEPORT.
  bluegreen: {
    ...MEMBERS,
    strategy: "bluegreen",
    cannot: "a program that can not listen beside another of its kind can not be one of two members",
  },
  rolling: {
    ...MEMBERS,
    strategy: "rolling",
    cannot: "members that are renewed one after the other can not keep both releases from answering for a while",
  },
  restart: {
    strategy: "restart",
    master: false,
    hearsWhileHung: true,
    drainMs: 10_000,
    environment: {},
    lints: [],
    cannot: "a restart can not avoid a gap: nobody listens from the stop until the new process accepts",
  },
};

/** What becomes of an old generation past its drain limit: a keeper ends it, a master of its own is trusted with it. */
export function pastDrainOf({ reload }: { readonly reload: ReloadPlan }): "end" | "leave" {
  return reload.pastDrain ?? (isKept({ reload }) ? "end" : "leave");
}

/** Whether a keeper stands between supervisor and the program. */
export function isKept({ reload }: { readonly reload: { readonly strategy: StrategyName } }): boolean {
  return STRATEGY_SECTIONS[reload.strategy].command === "keeper";
}

/**
 * Whether the program has a master that starts workers again for as long as they end. Of any other, what supervisor or a
 * keeper runs may hand its sockets to whatever commands it runs on its way (a script that prepares something and then
 * executes the server), and those come and go as they like.
 */
export function replacesWorkers(program: {
  readonly reload: { readonly strategy: StrategyName; readonly preset?: PresetName | undefined };
}): boolean {
  return presetOf(program)?.master === true && !isKept(program);
}

interface OfPreset {
  readonly reload: { readonly preset?: PresetName | undefined };
}

const presetOf = ({ reload: { preset } }: OfPreset) => (preset === undefined ? undefined : PRESETS[preset]);

/** Whether old processes serve until their turn comes, and their master goes on with a release that failed. */
export const isGradual = (program: OfPreset) => presetOf(program)?.gradual === true;

/** Whether its master is never without a worker while it reloads. */
export const keepsWorkers = (program: OfPreset) => presetOf(program)?.keepsWorkers === true;

/**
 * Where the workers of its master are, if it has one. A worker of puma may fork the others (fork_worker), and a server that
 * Server::Starter or einhorn starts may have some of its own.
 */
export function workersOf(program: Parameters<typeof replacesWorkers>[0]): Workers {
  if (isGradual(program)) return "descendants";
  return replacesWorkers(program) ? "children" : "none";
}

/** By which supervisor stops a program. A keeper knows TERM. */
export const stopSignalOf = (program: OfPreset) => presetOf(program)?.stopSignal ?? "TERM";

/** Whether each release is a process that supervisor starts anew, and so stands in the release of the day. */
export function isStartedAnew({ reload }: { readonly reload: { readonly strategy: StrategyName } }): boolean {
  return STRATEGY_SECTIONS[reload.strategy].directory === "current";
}

/** The preset's lints; a `reload:` that spells out its parts has none of its own. */
export function presetLints(preset: PresetName | undefined): readonly PresetLint[] {
  return preset === undefined ? [] : PRESETS[preset].lints;
}
