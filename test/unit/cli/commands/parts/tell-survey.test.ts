import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { surveyHost } from "../../../../../cli/commands/parts/tell-survey.ts";
import { ZdrError } from "../../../../../cli/failure.ts";
import type { OnEvent } from "../../../../../cli/io/session/agent-session.ts";
import { linkedHost, lost } from "../../../../support/fixtures/linked-hosts.ts";

const QUESTION = {} as Parameters<typeof surveyHost>[3];
const SAID = "the activation of v2 had been interrupted; it did not prove itself, and v1 serves again";

/** The state of a host whose agent tells this while it looks, and then answers. */
async function stateAfter(event: Parameters<OnEvent>[0], answer: () => object) {
  const { relink, host } = linkedHost([{ survey: answer }]);
  const { request, ...session } = await host.session;
  const telling = async (verb: "survey", body: typeof QUESTION, onEvent: OnEvent) => {
    onEvent(event);
    return request(verb, body, onEvent);
  };
  Object.assign(host, { session: Promise.resolve({ ...session, request: telling }), state: { kind: "untouched" } });
  await surveyHost(relink.run, relink.fleet, host, QUESTION).catch((error: unknown) => {
    if (!(error instanceof ZdrError)) throw error;
  });
  return { state: host.state, phase: host.phase };
}

describe("a host on which a dead agent has left an activation half done", () => {
  const phase = { event: "phase", phase: "revert", detail: "v1" } as const;

  test("is said to be what its survey tells of that", async () => {
    const { state } = await stateAfter(phase, () => ({ recovered: SAID, warnings: [] }));
    assert.deepEqual(state, { kind: "recovered", said: SAID });
  });

  test("is not said to be untouched where the answer never came", async () => {
    assert.deepEqual(await stateAfter(phase, () => lost), { state: { kind: "recovered" }, phase: "halfway" });
  });

  test("is no other host: one that only looked was not touched", async () => {
    const warning = { event: "warning", text: "odd" } as const;
    assert.deepEqual((await stateAfter(warning, () => ({ warnings: [] }))).state, { kind: "untouched" });
    const { state, phase } = await stateAfter(warning, () => lost);
    assert.deepEqual(state, { kind: "untouched" });
    assert.notEqual(phase, "halfway");
  });
});
