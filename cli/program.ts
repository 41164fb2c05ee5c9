/** Every verb, flag, default and help line. What a verb does is loaded when it is asked for. */
import { Command, CommanderError, Option } from "commander";
import type { ControlAction } from "./commands/control.ts";
import { ZdrError } from "./failure.ts";

/** What the command line asks for: which output, and how to run it. */
export interface Asked {
  readonly json: boolean;
  /** True: what it prints is read line by line, so no tree is drawn over it. */
  readonly quiet: boolean;
  run(run: import("./run.ts").Run): Promise<number>;
}

interface CommonFlags {
  readonly config?: string;
  readonly environment?: string;
  readonly host?: string[];
  readonly role?: string[];
  readonly label?: string[];
  readonly except?: string[];
  readonly json?: boolean;
}

/** Of verbs that change something on a host. */
interface LockFlags extends CommonFlags {
  readonly wait?: string;
  readonly ignoreFreeze?: boolean;
}

const EXIT_CODES = `
Exit codes:
  0 done   2 usage or config   3 locked   4 a host cannot be reached or trusted   5 refused, nothing changed
  6 failed while staging, nothing serving changed   7 failed and reverted   8 hosts differ: look at the state lines
  9 serves, but requests failed during the reload   70 a bug in zdr   130, 143 interrupted
`;

const STATUS_EXIT_CODES = `
Exit codes, as supervisorctl's:
  0 all run   3 something does not run   4 no such program, or no supervisord   1 it could not be asked
  and zdr's own where a host did not answer: 2 usage or config   4 not reached or trusted   5 no Node there
`;

/** Help or version was printed; there is nothing to do. */
export class NothingAsked extends Error {}

/** Reads the command line. Throws `usage`, or NothingAsked where commander has answered by itself. */
export function parseCommandLine(argv: readonly string[], version: string): Asked {
  let asked: Asked | undefined;
  const program = buildProgram(version, (found) => {
    asked = found;
  });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help") throw new NothingAsked();
    throw usage(error.message);
  }
  if (!asked) throw new NothingAsked();
  return asked;
}

function usage(message: string): ZdrError {
  const [problem = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const hint = suggestion === undefined || suggestion === "" ? "see: zdr --help" : suggestion.replace(/^\(|\)$/g, "");
  return new ZdrError({ kind: "usage", problem, hint });
}

type Take = (asked: Asked) => void;

function buildProgram(version: string, take: Take): Command {
  const program = new Command("zdr")
    .description("Deploys builds to hosts under supervisord, and proves that the new release serves.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", `${EXIT_CODES}\nStart with: zdr setup, then zdr deploy --tag v1`)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addDeploy(program, take);
  addRollback(program, take);
  addStatus(program, take);
  addReleases(program, take);
  addSetup(program, take);
  addControls(program, take);
  addFreeze(program, take);
  addHistory(program, take);
  addTrust(program, take);
  addVerify(program, take);
  return program;
}

/** A verb with the flags that all of them have. Options may stand before or after the names. */
function verb(
  program: Command,
  name: string,
  summary: string,
  examples: readonly string[],
  exitCodes = EXIT_CODES,
): Command {
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}\n${exitCodes}`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command
    .option("-c, --config <file>", "the config (default: deploy.yml, deploy.yaml or config/deploy.yml in this folder)")
    .option("-e, --environment <name>", "merge deploy.<name>.yml over the config")
    .addOption(many("-H, --host <name...>", "only these hosts: web1, web[01:20], web* (may be repeated)"))
    .addOption(many("-R, --role <role...>", "only hosts with one of these roles"))
    .addOption(many("--label <name=value...>", "only hosts with one of these labels"))
    .addOption(many("--except <name...>", "not these hosts, nor those with these roles"))
    .option("--json", "print events as NDJSON on stdout, the last one the result");
}

const WAIT = "--wait <time>";
const WAIT_HELP = "wait for a host that another command holds, up to this long: 90s, 5m (default: not at all)";

const IGNORE_FREEZE = "--ignore-freeze";
const IGNORE_FREEZE_HELP = "go on although an operator has locked the host (zdr lock)";
const many = (flags: string, help: string) => new Option(flags, help).argParser(collect);

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function addDeploy(program: Command, take: Take): void {
  verb(program, "deploy", "put a build on the hosts and make it serve", [
    "zdr deploy --tag v1.2",
    "zdr deploy --tag v1.2 --dry-run     what would be sent, flipped and signalled",
    "zdr deploy --tag v1.2 --host web1   one host only",
    "zdr deploy --tag v1.2 --wait 5m     after whoever is deploying now",
  ])
    .requiredOption("-t, --tag <tag>", "the release's name: letters, digits and . _ + -")
    .option("-n, --dry-run", "connect, read, and print what would be done; change nothing")
    .option("--no-build", "do not run build.run; deploy what lies at build.path")
    .option(WAIT, WAIT_HELP)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .action((flags: LockFlags & { tag: string; dryRun?: boolean; build: boolean }) =>
      take({
        ...{ json: flags.json === true, quiet: false },
        run: async (run) => (await import("./commands/deploy.ts")).deploy(run, flags),
      }),
    );
}

function addRollback(program: Command, take: Take): void {
  verb(program, "rollback", "go back to the last release that the ledger calls good", [
    "zdr rollback",
    "zdr rollback --to v1.1",
  ])
    .option("--to <tag>", "a release that is on all hosts (default: the one proved last before this one)")
    .option(WAIT, WAIT_HELP)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .action((flags: LockFlags & { to?: string }) =>
      take({
        ...{ json: flags.json === true, quiet: false },
        run: async (run) => (await import("./commands/rollback.ts")).rollback(run, flags),
      }),
    );
}

function addStatus(program: Command, take: Take): void {
  verb(
    program,
    "status",
    "print what supervisorctl status prints, with its exit codes",
    [
      "zdr status",
      "zdr status shop | awk '{print $4}' | awk -F, '{print $1}'   the pid",
      "zdr status shop | grep RUNNING",
      "zdr status --local                   on the host itself; needs no deploy.yml",
    ],
    STATUS_EXIT_CODES,
  )
    .argument("[program...]", "supervisor's names, as supervisorctl takes them: shop, group:shop, group:*")
    .option("--local", "ask the supervisord of this machine; --config then names a supervisord.conf")
    .option("--releases", "say which release each process really runs")
    .action((names: string[], flags: CommonFlags & { local?: boolean; releases?: boolean }) =>
      take({
        ...{ json: flags.json === true, quiet: true },
        run: async (run) => (await import("./commands/status.ts")).status(run, names, flags),
      }),
    );
}

function addReleases(program: Command, take: Take): void {
  verb(program, "releases", "list the releases on the hosts, what became of each, and which one runs", [
    "zdr releases",
    "zdr releases --json",
  ]).action((flags: CommonFlags) =>
    take({
      ...{ json: flags.json === true, quiet: true },
      run: async (run) => (await import("./commands/releases.ts")).releases(run, flags),
    }),
  );
}

function addSetup(program: Command, take: Take): void {
  verb(program, "setup", "make the layout on the hosts and add the programs to supervisor", [
    "zdr setup",
    "zdr setup --dry-run",
  ])
    .option("-n, --dry-run", "print what would be made; change nothing")
    .option(WAIT, WAIT_HELP)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .action((flags: LockFlags & { dryRun?: boolean }) =>
      take({
        ...{ json: flags.json === true, quiet: false },
        run: async (run) => (await import("./commands/setup.ts")).setup(run, flags),
      }),
    );
}

function addTrust(program: Command, take: Take): void {
  verb(program, "trust", "show the hosts' SSH keys, which of them are trusted, and write down those that are not", [
    "zdr trust",
    "zdr trust --write known_hosts     for review; with ssh: { known_hosts: known_hosts } in deploy.yml",
  ])
    .option("-w, --write <file>", "append the keys that are not known to this file, in the form of known_hosts")
    .action((flags: CommonFlags & { write?: string }) =>
      take({
        ...{ json: flags.json === true, quiet: true },
        run: async (run) => (await import("./commands/trust.ts")).trust(run, flags),
      }),
    );
}

function addHistory(program: Command, take: Take): void {
  verb(program, "history", "list what was done on the hosts, by whom, how long it took and what was proved", [
    "zdr history",
    "zdr history -n 0 --host web1     all of it, of one host",
    "zdr history --json               with the time of each phase, and the evidence",
  ])
    .option("-n, --number <count>", "how many of each host, newest first; 0: all (default: 20)")
    .action((flags: CommonFlags & { number?: string }) =>
      take({
        ...{ json: flags.json === true, quiet: true },
        run: async (run) => (await import("./commands/history.ts")).history(run, flags),
      }),
    );
}

function addVerify(program: Command, take: Take): void {
  verb(program, "verify", "compare releases on the hosts, file by file, with what was published; 5 where they differ", [
    "zdr verify                 what is current",
    "zdr verify v1.1 v1.2",
    "zdr verify --all --json    every release that is there, for a nightly job",
  ])
    .argument("[tag...]", "releases (default: the one that is current on each host)")
    .option("--all", "every release that is there")
    .action((tags: string[], flags: CommonFlags & { all?: boolean }) =>
      take({
        ...{ json: flags.json === true, quiet: false },
        run: async (run) => (await import("./commands/verify.ts")).verify(run, tags, flags),
      }),
    );
}

function addFreeze(program: Command, take: Take): void {
  verb(program, "lock", "let nobody deploy, roll back or set up until it is unlocked", [
    'zdr lock -m "freeze until Monday" --until 2026-11-30T08:00',
    'zdr lock -m "the database moves" --until 18:00',
    'zdr lock -m "see INC-42" --host web1',
  ])
    .requiredOption("-m, --message <why>", "what those who are kept waiting are told")
    .option("--until <time>", "when it ends by itself, on this machine's clock (default: with zdr unlock)")
    .action((flags: CommonFlags & { message: string; until?: string }) =>
      take({
        ...{ json: flags.json === true, quiet: true },
        run: async (run) => (await import("./commands/freeze.ts")).freeze(run, flags),
      }),
    );
  verb(program, "unlock", "end what zdr lock has begun, whoever that was", ["zdr unlock"]).action(
    (flags: CommonFlags) =>
      take({
        ...{ json: flags.json === true, quiet: true },
        run: async (run) => (await import("./commands/freeze.ts")).unfreeze(run, flags),
      }),
  );
}

const CONTROLS: Record<ControlAction, string> = {
  start: "start programs that are down, on the current release",
  stop: "stop programs",
  restart: "stop and start programs, with a gap",
  reload: "reload programs by their strategy, without a gap",
};

function addControls(program: Command, take: Take): void {
  for (const action of Object.keys(CONTROLS) as ControlAction[]) {
    verb(program, action, CONTROLS[action], [`zdr ${action}`, `zdr ${action} shop`])
      .argument("[program...]", "names in deploy.yml (default: all)")
      .option(WAIT, WAIT_HELP)
      .action((names: string[], flags: LockFlags) =>
        take({
          ...{ json: flags.json === true, quiet: false },
          run: async (run) => (await import("./commands/control.ts")).control(run, action, names, flags),
        }),
      );
  }
}
