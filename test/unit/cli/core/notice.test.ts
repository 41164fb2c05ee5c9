import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endOf, type Notice, noticeBody } from "../../../../cli/core/notice.ts";
import type { HostState } from "../../../../cli/core/report/state-line.ts";

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

  test("how it ended is told by what failed, and by what the hosts serve", () => {
    const [serves, staged]: HostState[] = [
      { kind: "serves", tag: "v2" },
      { kind: "staged", tag: "v2", current: "v1" },
    ];
    const end = (exit: number, ...states: (HostState | undefined)[]) =>
      endOf(
        exit,
        states.flatMap((state) => state ?? []),
      );
    assert.deepEqual([end(0, serves, serves), end(9, serves)], ["kept", "kept"]);
    assert.deepEqual([end(7, staged), end(5, staged, staged), end(5, serves, staged)], Array(3).fill("reverted"));
    assert.equal(end(8, serves, staged), "stuck");
    assert.equal(end(0, serves, staged), "interrupted", "nothing failed, and not all have it");
    assert.equal(end(0, staged, staged), "reverted", "interrupted before the first one took it");
    assert.equal(end(0, serves, { kind: "unknown", tag: "v2" }), "stuck");
  });
});
