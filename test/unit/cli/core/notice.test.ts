import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endOf, type Notice, noticeBody } from "../../../../cli/core/notice.ts";

const NOTICE: Notice = {
  ...{ event: "kept", project: "shop", tag: "v1.2", why: "deploy", exit: 0 },
  by: { user: "ann", host: "laptop", run: "https://ci.example/1" },
  hosts: [{ host: "web<1>", state: { kind: "serves", tag: "v1.2" } }],
};
const TEXT = "shop v1.2 serves: web<1> serves v1.2 (deploy by ann@laptop, https://ci.example/1)";

describe("what a webhook is told", () => {
  test("generic: all that there is, and a line of text", () =>
    assert.deepEqual(noticeBody("generic", NOTICE), { ...NOTICE, text: TEXT }));

  test("Slack: text, in which nothing is a link or a mention that was not meant so", () =>
    assert.deepEqual(noticeBody("slack", NOTICE), { text: TEXT.replace("web<1>", "web&lt;1&gt;") }));

  test("Teams: a card with that text", () =>
    assert.match(JSON.stringify(noticeBody("teams", NOTICE)), /AdaptiveCard.*shop v1\.2/));

  test("while it is under way it names the hosts", () => {
    const { exit: _, ...started } = NOTICE;
    const { text } = noticeBody("slack", { ...started, event: "started" }) as { text: string };
    assert.match(text, /^shop v1\.2 begins: web&lt;1&gt; \(deploy by/);
  });

  test("how it ended is told by the exit code", () => {
    assert.deepEqual([0, 9, 7, 5, 8, 130, 143].map(endOf), [
      "kept",
      "kept",
      "reverted",
      "reverted",
      "stuck",
      "stuck",
      "stuck",
    ]);
  });
});
