import assert from "node:assert/strict";
import { test } from "node:test";
import { waitMsOf } from "../../../../cli/core/wait.ts";
import type { ZdrError } from "../../../../cli/failure.ts";

test("--wait takes a number with its unit; without the flag nobody waits", () => {
  assert.equal(waitMsOf("5m"), 300_000);
  assert.equal(waitMsOf("90s"), 90_000);
  assert.equal(waitMsOf(undefined), 0);
});

test("a --wait that is no time is refused with what may have been meant", () => {
  for (const [text, hint] of [
    ["5", /did you mean "5s"/],
    ["5 minutes", /did you mean "5m"/],
    ["soon", /--wait 5m/],
    ["-5m", /--wait 5m/],
  ] as const) {
    assert.throws(
      () => waitMsOf(text),
      ({ failure }: ZdrError) => failure.kind === "usage" && hint.test(failure.hint ?? ""),
    );
  }
});
