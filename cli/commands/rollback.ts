/** `zdr rollback [--to TAG]`: the last release that the ledger calls good serves again; nothing is uploaded. */
import type { Survey } from "../../agent/protocol.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { commonRollbackTarget, doubtsAbout } from "../core/rollback.ts";
import { type Failure, type GivenFlags, ZdrError } from "../failure.ts";
import type { FleetHost } from "../io/session/fleet.ts";
import type { Run } from "../run.ts";
import { hooksOf } from "./parts/hooks.ts";
import { type FreezableOptions, lockRequest, takeLocks } from "./parts/locks.ts";
import { openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";
import { rememberReleases } from "./parts/remember.ts";
import { checkAndRollOut } from "./parts/rollout.ts";
import { surveyHost } from "./parts/tell-survey.ts";
import { hintsToPassOver, passOverUnreachable, type UnreachableOptions } from "./parts/unreachable.ts";

export interface RollbackOptions extends FreezableOptions, UnreachableOptions {
  readonly to?: string;
}

export async function rollback(run: Run, options: RollbackOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const lock = lockRequest(run, options.to === undefined ? "rollback" : `rollback to ${options.to}`, options);
  const fleet = openFleet(run, opened, "rollback", ["lock", "survey", "preflight", "activate", "settle"]);
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    const found = new Map<FleetHost, Survey>();
    if (!(await takeLocks(opened, fleet, lock, options))) {
      return concludeHosts(run, fleet.hosts, true, hintsToPassOver(fleet, options));
    }
    const isWell = await fleet.onAll("survey", async (host) => {
      const survey = await surveyHost(run, fleet, host, { project: opened.planFor(host), lock });
      found.set(host, survey);
      return `current is ${survey.current ?? "nothing"}`;
    });
    if (!isWell && !passOverUnreachable(run, fleet, options)) {
      return concludeHosts(run, fleet.hosts, true, hintsToPassOver(fleet, options));
    }
    // In the order of deploy.yml, whichever answered first.
    const surveys = fleet.hosts.flatMap((host) => {
      const survey = found.get(host);
      return survey === undefined ? [] : [{ host: host.name, survey }];
    });
    rememberReleases(
      run,
      opened,
      surveys.map(({ survey }) => survey),
    );
    const choice = commonRollbackTarget(surveys, options.to);
    if (choice.kind === "refused") throw new ZdrError(withGiven(choice.failure, opened.given));
    if (choice.kind === "nothing") {
      run.output.result(`${choice.because}\n`, { unchanged: choice.because }, EXIT.done);
      return EXIT.done;
    }
    run.output.report({ kind: "note", text: `rolling back to ${choice.tag}` });
    for (const { host, text } of doubtsAbout(surveys, choice.tag)) run.output.report({ kind: "warning", host, text });
    const relink = { run, fleet, opened, lock };
    const goal = { tag: choice.tag, why: "rollback" } as const;
    const hooks = hooksOf(run, fleet, opened.config, goal);
    return await checkAndRollOut(relink, goal, hooks, undo);
  } finally {
    undo();
    await fleet.close();
  }
}

function withGiven(failure: Failure, given: GivenFlags): Failure {
  return failure.kind === "no-common-release" ? { ...failure, given } : failure;
}
