/** The verbs that operators reach for before, between and after deploys. */
import { type Command, type CommonFlags, PLAN_EXIT_CODES, SKIP, SKIP_HELP, shownBy, type Take, verb } from "./verb.ts";

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
