import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failureAtStart, failureInSession, SSH_FAILED } from "../../../../../cli/io/session/transport.ts";

describe("a channel that ends while something was asked", () => {
  const end = (code: number | null, signal: string | null = null) => failureInSession({ code, signal }, "activate", "");
  const lost = (detail: string) => ({ kind: "link-lost", during: "activate", detail });

  test("by a signal, or by a code of the agent's, is the agent's end", () => {
    assert.deepEqual(end(null, "SIGKILL"), { ...lost("exit SIGKILL"), isAgentsEnd: true });
    assert.deepEqual(end(70), { ...lost("exit 70"), isAgentsEnd: true });
  });

  test("with nothing said of how is a link that died, and so is what ssh ends with by itself", () => {
    assert.deepEqual(end(null), lost("the connection was closed"));
    assert.deepEqual(end(SSH_FAILED), lost("exit 255"));
  });

  test("in order is a link that died: the agent has answered, and was not heard", () => {
    assert.deepEqual(end(0), lost("exit 0"));
  });

  test("with words on stderr is told with them, and with a problem of the transport's as that", () => {
    const told = failureInSession({ code: 70, signal: null }, "stage", "zdr agent: oops");
    assert.deepEqual(told, {
      kind: "link-lost",
      during: "stage",
      detail: "exit 70: zdr agent: oops",
      isAgentsEnd: true,
    });
    const problem = { kind: "unreachable", address: "web1", detail: "ECONNREFUSED" } as const;
    assert.equal(failureInSession({ code: 255, signal: null, problem }, "stage", ""), problem);
    assert.equal(failureAtStart({ code: 255, signal: null, problem }, ""), problem);
  });
});

test("a channel that ends before the agent has begun is told with what the host said instead", () => {
  const failure = failureAtStart({ code: 1, signal: null }, "This account is currently not available.");
  assert.deepEqual(failure, {
    ...{ kind: "agent-start", detail: "exit 1", noise: "This account is currently not available." },
  });
});
