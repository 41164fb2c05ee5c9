/** What a survey found that an operator should know, whatever the command goes on to do. */
import type { Survey } from "../../../agent/protocol.ts";
import { describeFreeze } from "../../core/report/describe-freeze.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

export function tellSurvey(run: Run, { name: host }: FleetHost, { recovered, freeze, warnings }: Survey): void {
  if (recovered !== undefined) run.output.report({ kind: "note", host, text: recovered });
  if (freeze !== undefined) run.output.report({ kind: "warning", host, text: describeFreeze(freeze) });
  for (const text of warnings) run.output.report({ kind: "warning", host, text });
}
