/** The verbs that change something on hosts. */
import type { ControlAction } from "../commands/control.ts";
import { PARALLEL } from "../core/parallel.ts";
import {
  type Command,
  type CommonFlags,
  IGNORE_FREEZE,
  IGNORE_FREEZE_HELP,
  JUNIT,
  JUNIT_HELP,
  type LockFlags,
  SKIP,
  SKIP_HELP,
  shownBy,
  type Take,
  verb,
  WAIT,
  WAIT_HELP,
} from "./verb.ts";

export function addDeploy(program: Command, take: Take): void {
  verb(program, "deploy", "put a build on the hosts and make it serve", [
    "zdr deploy --tag v1.2",
    "zdr deploy --tag v1.2 --dry-run     what would be sent, flipped and signalled",
    "zdr deploy --tag v1.2 --host web1   one host only",
    "zdr deploy --tag v1.2 --wait 5m     after whoever is deploying now",
  ])
    .option(
      "-t, --tag <tag>",
      "the release's name: letters, digits and . _ + - (default: the tag that a CI job is for)",
    )
    .option("-n, --dry-run", "connect, read, and print what would be done; change nothing")
    .option("--plan <id>", "refuse (5) unless this is what zdr plan said under this ID")
    .option("--no-build", "do not run build.run; deploy what lies at build.path")
    .option(WAIT, `${WAIT_HELP}; for the build, if another zdr has it: 15m at least`)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .option(SKIP, SKIP_HELP)
    .option("--parallel <count>", `send to so many hosts at a time (default: ${PARALLEL})`)
    .option(JUNIT, JUNIT_HELP)
    .action((flags: LockFlags & { tag?: string; dryRun?: boolean; plan?: string; build: boolean; parallel?: string }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/deploy.ts")).deploy(run, flags),
      }),
    );
}

export function addRollback(program: Command, take: Take): void {
  verb(program, "rollback", "go back to the last release that the ledger calls good", [
    "zdr rollback",
    "zdr rollback --to v1.1",
  ])
    .option("--to <tag>", "a release that is on all hosts (default: the one proved last before this one)")
    .option(WAIT, WAIT_HELP)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .option(SKIP, SKIP_HELP)
    .option(JUNIT, JUNIT_HELP)
    .action((flags: LockFlags & { to?: string }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/rollback.ts")).rollback(run, flags),
      }),
    );
}

export function addSetup(program: Command, take: Take): void {
  verb(program, "setup", "make the layout on the hosts and add the programs to supervisor", [
    "zdr setup",
    "zdr setup --dry-run",
  ])
    .option("-n, --dry-run", "print what would be made; change nothing")
    .option(WAIT, WAIT_HELP)
    .option(IGNORE_FREEZE, IGNORE_FREEZE_HELP)
    .option(JUNIT, JUNIT_HELP)
    .action((flags: LockFlags & { dryRun?: boolean }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/setup.ts")).setup(run, flags),
      }),
    );
}

export function addFreeze(program: Command, take: Take): void {
  verb(program, "lock", "let nobody deploy, roll back or set up until it is unlocked", [
    'zdr lock -m "freeze until Monday" --until 2026-11-30T08:00',
    'zdr lock -m "the database moves" --until 18:00',
    'zdr lock -m "just a moment" --until 1h',
    'zdr lock -m "see INC-42" --host web1',
  ])
    .requiredOption("-m, --message <why>", "what those who are kept waiting are told")
    .option(
      "--until <time>",
      "when it ends by itself, on this machine's clock, or how long from now: 18:00, 2h, 3d (default: with zdr unlock)",
    )
    .action((flags: CommonFlags & { message: string; until?: string }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/freeze.ts")).freeze(run, flags),
      }),
    );
  verb(program, "unlock", "end what zdr lock has begun, whoever that was", ["zdr unlock"]).action(
    (flags: CommonFlags) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/freeze.ts")).unfreeze(run, flags),
      }),
  );
}

const CONTROLS: Record<ControlAction, string> = {
  start: "start programs that are down, on the current release",
  stop: "stop programs",
  restart: "stop and start programs, with a gap",
  reload: "reload programs by their strategy; restart alone has a gap",
};

export function addControls(program: Command, take: Take): void {
  for (const action of Object.keys(CONTROLS) as ControlAction[]) {
    verb(program, action, CONTROLS[action], [`zdr ${action}`, `zdr ${action} shop`])
      .argument("[program...]", "names in deploy.yml (default: all)")
      .option(WAIT, WAIT_HELP)
      .option(JUNIT, JUNIT_HELP)
      .action((names: string[], flags: LockFlags) =>
        take({
          ...shownBy(flags),
          run: async (run) => (await import("../commands/control.ts")).control(run, action, names, flags),
        }),
      );
  }
}
