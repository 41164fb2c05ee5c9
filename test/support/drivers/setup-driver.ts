/** Runs `setup` in a process of its own, so that it can be another user's: a JSON of the input as argument, JSON on stdout. */
import { AgentError } from "../../../agent/core/failure.ts";
import { runSetup, type SetupOptions } from "../../../agent/setup.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import type { ProjectPlan } from "../../../agent/wire/plan.ts";
import type { SetupResult } from "../../../agent/wire/setup.ts";
import { hostContext } from "../fixtures/host-context.ts";

export interface SetupInput extends SetupOptions {
  readonly project: ProjectPlan;
}

export type SetupOutput = { readonly result: SetupResult } | { readonly failure: AgentFailure };

async function answer({ project, dryRun, prove }: SetupInput): Promise<SetupOutput> {
  try {
    return { result: await runSetup(hostContext(project), { dryRun, prove }) };
  } catch (error) {
    if (error instanceof AgentError) return { failure: error.failure };
    throw error;
  }
}

process.stdout.write(JSON.stringify(await answer(JSON.parse(process.argv[2] ?? ""))));
