/** The verbs that operators reach for before, between and after deploys. */
import {
  type Command,
  type CommonFlags,
  DOCTOR_EXIT_CODES,
  PLAN_EXIT_CODES,
  SKIP,
  SKIP_HELP,
  shownBy,
  type Take,
  verb,
} from "./verb.ts";

export function addPlan(program: Command, take: Take): void {
  verb(
    program,
    "plan",
    "say what a deploy would do, from the facts of the hosts, and give that an ID",
    [
      "zdr plan --tag v1.2",
      "zdr plan --tag v1.2 --json     for a job that shows it and asks before it deploys",
      "zdr deploy --tag v1.2 --plan 0a1b2c3d-4e5f6071-8293a4b5     that, or nothing",
    ],
    PLAN_EXIT_CODES,
  )
    .option(
      "-t, --tag <tag>",
      "the release's name: letters, digits and . _ + - (default: the tag that a CI job is for)",
    )
    .option("--no-build", "do not run build.run; plan with what lies at build.path")
    .option(SKIP, SKIP_HELP)
    .action((flags: CommonFlags & { tag?: string; build: boolean; skipUnreachable?: boolean }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/plan.ts")).plan(run, flags),
      }),
    );
}

export function addDoctor(program: Command, take: Take): void {
  verb(
    program,
    "doctor",
    "look at this machine and the hosts for what would keep a deploy from getting through, and say what mends it",
    ["zdr doctor", "zdr doctor --host web1 --json"],
    DOCTOR_EXIT_CODES,
  ).action((flags: CommonFlags) =>
    take({
      ...shownBy(flags),
      run: async (run) => (await import("../commands/tools/doctor.ts")).doctor(run, flags),
    }),
  );
}
