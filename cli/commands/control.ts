/** `zdr start | stop | restart | reload [PROGRAM...]`: on the release that is current, with the same proof as a deploy. */
import type { RequestOf } from "../../agent/protocol.ts";
import type { ControlResult } from "../../agent/wire/control/control.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { programsIn, selectPrograms } from "../core/plan.ts";
import { describeControl } from "../core/report/describe.ts";
import { ZdrError } from "../failure.ts";
import type { Run } from "../run.ts";
import { type LockOptions, lockRequest, takeLocks } from "./parts/locks.ts";
import { openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";
import { surveyHost } from "./parts/tell-survey.ts";

export type ControlAction = RequestOf<"control">["action"];

export async function control(
  run: Run,
  action: ControlAction,
  names: readonly string[],
  options: LockOptions,
): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const programs = selectPrograms(opened.config, names);
  // What serves is not changed, and a program that has crashed is to be started also on a weekend.
  const lock = lockRequest(run, [action, ...names].join(" "), { ...options, ignoreFreeze: true });
  const fleet = openFleet(run, opened, action, ["lock", "survey", "control", "settle"]);
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    const done: { host: string; result: ControlResult }[] = [];
    if (!(await takeLocks(opened, fleet, lock))) return concludeHosts(run, fleet.hosts);
    const isWell = await fleet.onAll("survey", async (host) => {
      await surveyHost(run, fleet, host, { project: opened.planFor(host), lock });
      return undefined;
    });
    if (isWell) {
      undo();
      const before = new Map(fleet.hosts.map((host) => [host, host.state]));
      await fleet.onAll("control", async (host, session) => {
        host.phase = "activate";
        host.state = { kind: "halfway", action };
        const result = await session.request(
          "control",
          { action, programs: programsIn(opened.planFor(host), programs) },
          fleet.onEvent(host),
        );
        done.push({ host: host.name, result });
        if (result.failure === undefined) {
          host.state = { kind: "controlled", action };
          return undefined;
        }
        host.phase = "halfway";
        throw new ZdrError({ kind: "agent", host: host.name, failure: result.failure });
      });
      // The agent answers with a failure where nothing was told to anything.
      for (const host of fleet.failed) {
        if (host.phase === "activate" && host.failure?.failure.kind === "agent") {
          host.state = before.get(host) ?? { kind: "untouched" };
        }
      }
    }
    const exit = concludeHosts(run, fleet.hosts);
    run.output.result(describeControl(done), { action, hosts: done }, exit);
    return exit;
  } finally {
    undo();
    await fleet.close();
  }
}
