/** Whatever a host says, in whichever field: words come of it, and none that a terminal would obey. */
import assert from "node:assert/strict";
import { StringDecoder } from "node:string_decoder";
import fc from "fast-check";
import { AgentEvent, Survey } from "../../agent/protocol.ts";
import { ControlResult } from "../../agent/wire/control/control.ts";
import { AgentFailure } from "../../agent/wire/failure.ts";
import { StatusResult } from "../../agent/wire/program.ts";
import { ActivationReport } from "../../agent/wire/report.ts";
import { SetupResult } from "../../agent/wire/setup.ts";
import { StageResult } from "../../agent/wire/stage.ts";
import { combineExitCodes, outcomeOf } from "../../cli/core/exit-code.ts";
import { activationTable, describeControl, describeReleases } from "../../cli/core/report/describe.ts";
import { describeDryRun } from "../../cli/core/report/describe-dry-run.ts";
import { describeSetup } from "../../cli/core/report/describe-setup.ts";
import { eventLine } from "../../cli/core/report/event-lines.ts";
import { failureLines } from "../../cli/core/report/failure-report.ts";
import { escapeInJson, sanitizeLines } from "../../cli/core/report/sanitize.ts";
import { stateLine, stateOf } from "../../cli/core/report/state-line.ts";
import { commonRollbackTarget } from "../../cli/core/rollback.ts";
import { statusText } from "../../cli/core/status.ts";
import { explain, explainActivation } from "../../cli/explain.ts";
import { errorLine } from "../../cli/io/output/streams.ts";
import { projectPlan } from "../support/fixtures/plans.ts";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { NASTY_TEXTS } from "../support/fuzz/mutate.ts";
import { valuesOf } from "../support/fuzz/schema.ts";

const scalars = {
  text: fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string({ unit: "binary", maxLength: 10 })),
  natural: fc.oneof(fc.nat(3), fc.constantFrom(255, 4711, Number.MAX_SAFE_INTEGER)),
  number: fc.oneof(fc.constantFrom(-1, 0.5, 1e300, -1e300, 5e-324), fc.integer()),
};
const of = <T>(schema: Parameters<typeof valuesOf>[0]) => valuesOf(schema, scalars) as fc.Arbitrary<T>;

/** Controls, what turns or hides text, and what is no text: nothing of it comes out but line ends and tabs. */
const OBEYED = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

function assertShown(text: string): void {
  assert.doesNotMatch(text.replace(/[\n\t]/g, ""), OBEYED, JSON.stringify(text));
  // Whoever prints it sends bytes: half a character would become another one.
  assert.equal(new StringDecoder("utf8").write(Buffer.from(text)), text);
}

fuzz("any failure has words", of<AgentFailure>(AgentFailure), (failure) => {
  for (const phase of ["plan", "stage", "activate", "halfway", "settle"] as const) {
    const explained = explain({ kind: "agent", host: "web1", failure }, phase);
    assert.ok(explained.error.length > 0 && Number.isInteger(explained.exit));
    for (const line of failureLines(explained)) {
      assertShown(line);
      assert.ok(!line.includes("\n"));
    }
  }
});

fuzz("any event is a line", of<AgentEvent>(AgentEvent), (event) => {
  const line = errorLine(eventLine({ kind: "agent", host: "web1", event }) ?? "", false);
  assertShown(line);
  assert.equal(line.indexOf("\n"), line.length - 1);
});

fuzz(
  "any activation has a table, a state, an exit code, and words where it failed",
  of<ActivationReport>(ActivationReport),
  (report) => {
    assertShown(activationTable([{ host: "web1", report }]));
    assertShown(activationTable([{ host: "web1", report }], 40));
    const state = [stateLine([{ host: "web1", state: stateOf(report) }])];
    assert.ok(Number.isInteger(combineExitCodes([outcomeOf(report)])));
    const explained = explainActivation("web1", report);
    for (const line of failureLines({ error: [], hints: [], exit: 0, ...explained, state })) assertShown(line);
  },
);

fuzz(
  "any survey can be listed, planned with and rolled back by",
  fc.record({ survey: of<Survey>(Survey), stage: of<StageResult>(StageResult) }),
  ({ survey, stage }) => {
    assertShown(describeReleases([{ host: "web1", releases: survey.releases }]));
    const release = { tag: "v1", files: 1, bytes: 1 };
    assertShown(describeDryRun([{ host: "web1", survey, stage }], release, projectPlan("/data/web/shop", [])));
    const choice = commonRollbackTarget([{ host: "web1", survey }], undefined);
    if (choice.kind === "refused") for (const line of failureLines(explain(choice.failure))) assertShown(line);
  },
);

fuzz(
  "any status, control and set-up can be shown",
  fc.record({
    status: of<StatusResult>(StatusResult),
    control: of<ControlResult>(ControlResult),
    setup: of<SetupResult>(SetupResult),
  }),
  ({ status, control, setup }) => {
    assertShown(sanitizeLines(statusText(status, true)));
    assertShown(describeControl([{ host: "web1", result: control }]));
    assertShown(describeSetup("web1", setup));
    const json = escapeInJson(JSON.stringify({ status, control, setup }));
    assertShown(json);
    assert.equal(JSON.stringify(JSON.parse(json)), JSON.stringify({ status, control, setup }));
  },
);
