/**
 * Hooks on the host: commands of the project, run when a release gets somewhere.
 *
 * - Until the flip one that fails refuses the activation, and nothing was changed.
 * - After the flip, until the release is kept, it costs the release, unless it says `on_failure: warn`.
 * - One that runs when all has been decided (kept, reverted) changes nothing any more: its failure is a warning.
 * - One that is under way ahead of the flip when the operator gives up is ended. Where only the link has died it is not: a migration
 *   is not cut short by that, and whoever connects again waits for it.
 * - Whoever ends an activation for an agent that has died runs those that are still to come, from the flip on: before_activate had
 *   ended before the ledger spoke of a flip. What decides about the release, or prepares a revert, may then be run a second time.
 *   after_keep and after_revert are not: they come after the ledger's last word, and an activation that has it is nobody's to end.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Activation } from "../activation/activation.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { runCheck } from "../io/run-check.ts";
import { givenUp } from "../io/wire.ts";
import type { HookEvent, HookPlan } from "../wire/plan.ts";

export interface HookFacts {
  readonly when: HookEvent;
  readonly tag: string;
  readonly why: "deploy" | "rollback" | "recovery";
  /** What was current before; undefined: nothing. */
  readonly previous: string | undefined;
  /** Of a revert: a failure's reason. */
  readonly reason?: string;
  /** Those that run on one host of a command; absent: those that run on all. */
  readonly once?: boolean;
}

export function hookFacts({ order, previous }: Activation, when: HookEvent): HookFacts {
  const why = order.resumed === undefined ? order.why : "recovery";
  return { when, tag: order.tag, why, previous };
}

/** Those ahead of the flip: what has been interrupted begins none of them. */
const IS_AHEAD_OF_FLIP: ReadonlySet<HookEvent> = new Set(["before_stage", "after_stage", "before_activate"]);

/**
 * Runs them in their order. False: there was none. `gone`: nobody waits for this session any more.
 * @throws AgentError `hook-failed` at the first that fails; `interrupted` ahead of one that is not to be begun.
 */
export async function runHooks(context: HostContext, facts: HookFacts, gone: AbortSignal): Promise<boolean> {
  const hooks = hooksFor(context, facts);
  for (const hook of hooks) {
    if (gone.aborted && IS_AHEAD_OF_FLIP.has(facts.when)) throw new AgentError({ reason: "interrupted" });
    await runHook(context, hook, facts, IS_AHEAD_OF_FLIP.has(facts.when) ? gone : undefined);
  }
  return hooks.length > 0;
}

/** Past the flip: those whose failure costs nothing any more, or need not, are told as warnings. */
export async function runLaterHooks(context: HostContext, facts: HookFacts): Promise<string[]> {
  const warnings: string[] = [];
  for (const hook of hooksFor(context, facts)) {
    try {
      await runHook(context, hook, facts);
    } catch (error) {
      if (!(error instanceof AgentError) || error.failure.reason !== "hook-failed") throw error;
      const isCostly = facts.when === "after_activate" || facts.when === "before_keep";
      if (isCostly && hook.onFailure === "revert") throw error;
      const { when, command, detail } = error.failure;
      warnings.push(`the hook ${when} failed: ${command}: ${detail}`);
    }
  }
  return warnings;
}

function hooksFor({ project }: HostContext, { when, why, once = false }: HookFacts): readonly HookPlan[] {
  if (why === "recovery" && IS_AHEAD_OF_FLIP.has(when)) return [];
  return (project.hooks ?? []).filter((hook) => hook.when === when && hook.once === once);
}

async function runHook(
  context: HostContext,
  { argv, timeoutMs }: HookPlan,
  facts: HookFacts,
  gone?: AbortSignal,
): Promise<void> {
  const { layout, project, by } = context;
  const { when, tag, why, previous, reason } = facts;
  const release = layout.release(tag);
  const folder = existsSync(release) ? release : layout.deployTo;
  const [first = "", ...rest] = argv;
  const file = first.includes("/") && !first.startsWith("/") ? join(folder, first) : first;
  const command = argv.join(" ");
  context.emit({ event: "phase", phase: `hook ${when}`, detail: command });
  const environment = {
    ...{ ZDR_HOOK: when, ZDR_TAG: tag, ZDR_WHY: why, ZDR_PROJECT: project.project, ZDR_DEPLOY_TO: layout.deployTo },
    ...{ ZDR_RELEASE: release, ZDR_PREVIOUS: previous ?? "", ZDR_REASON: reason ?? "" },
    ...{ ZDR_USER: by.user, ZDR_RUN: by.run ?? "" },
  };
  const interrupted = gone && givenUp(gone);
  const trouble = await runCheck([file, ...rest], folder, environment, undefined, { timeoutMs, interrupted });
  if (gone?.aborted) throw new AgentError({ reason: "interrupted" });
  if (trouble !== undefined) throw new AgentError({ reason: "hook-failed", when, command, detail: trouble });
}
