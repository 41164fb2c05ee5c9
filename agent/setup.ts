/**
 * `zdr setup` on one host: the layout, the supervisor sections, the rights. Each step makes what is missing, leaves what
 * is in order, and says what only an administrator can do; a second run finds nothing to do.
 */
import type { HostContext } from "./context.ts";
import { foreignWriters, setUpKeeper } from "./setup/keeper.ts";
import { setUpLayout } from "./setup/layout.ts";
import { SetupReport } from "./setup/report.ts";
import { type ProveOptions, setUpProof, setUpSocket } from "./setup/rights.ts";
import { setUpSections } from "./setup/sections.ts";
import { viewSupervisor } from "./setup/supervisor-view.ts";
import type { SetupResult } from "./wire/setup.ts";

export interface SetupOptions {
  /** Reads only, and tells what a run would do. */
  readonly dryRun: boolean;
  readonly prove: ProveOptions;
  /** Text of dist/keeper.cjs; absent: it was not delivered. */
  readonly keeper?: string;
}

/**
 * @throws AgentError where a step must not go on: a folder of somebody else's, `current` a real folder, supervisord not
 * running, a section that it does not take (its file is then taken back).
 */
export async function runSetup(context: HostContext, options: SetupOptions): Promise<SetupResult> {
  const { dryRun, prove, keeper } = options;
  const report = new SetupReport(dryRun);
  // Before anything is made: where supervisord can not be asked, nothing is.
  const view = await viewSupervisor(context.supervisor);
  context.emit({ event: "phase", phase: "layout", detail: context.layout.deployTo });
  const foreign = await foreignWriters(context, view);
  const hasLayout = setUpLayout(context, report, new Set(foreign.map(({ program }) => program.name)));
  if (hasLayout) setUpKeeper(context, keeper, foreign, report);
  context.emit({ event: "phase", phase: "sections", detail: context.supervisor.address.url });
  setUpSocket(context, view, report);
  await setUpSections(context, view, report);
  await setUpProof(context, view, prove, hasLayout, report);
  return report.result();
}
