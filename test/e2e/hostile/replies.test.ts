/** A host that was taken over speaks in the agent's place: whatever it says is its own failure, and costs this machine nothing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REPLY_LINE_LIMIT_BYTES } from "../../../agent/protocol.ts";
import { failureLines } from "../../../cli/core/report/failure-report.ts";
import { sanitize } from "../../../cli/core/report/sanitize.ts";
import { explain } from "../../../cli/explain.ts";
import type { LinkFailure } from "../../../cli/failure.ts";
import { EVENT_LIMIT } from "../../../cli/io/session/agent-client.ts";
import { SIGN_OF_LIFE_BYTES } from "../../../cli/io/session/pulse.ts";
import { HOSTILE_REPLIES } from "../../fixtures/hostile/replies.ts";
import { eventually } from "../../support/eventually.ts";
import { type FakeHost, linkFailureOf, openFakeHost, startLine } from "../../support/hostile/fake-host.ts";
import { heldBytes } from "../../support/memory.ts";

const QUICK = { heartbeatMs: 20, silenceMs: 300 };
const MIB = 1024 * 1024;

const reasonOf = (link: LinkFailure) => ("detail" in link ? link.detail : "version" in link ? link.version : "");
const gone = { code: 0, signal: null };

describe("a host is given up, with the reason, when it says", () => {
  for (const { name, verb, says, because, kind = "agent-reply", isEarly } of HOSTILE_REPLIES) {
    test(name, async () => {
      const host = await openFakeHost();
      const asked = linkFailureOf(host.session.request(verb, {} as never));
      host.stdout.write(`${isEarly ? "\n" : startLine(host)}${says.replaceAll("{magic}", host.magic)}`);
      const link = await asked;
      assert.equal(link.kind, kind);
      assert.match(reasonOf(link), because);
      for (const line of failureLines(explain({ kind: "link", host: "web1", link })))
        assert.equal(line, sanitize(line));
      assert.equal({}.constructor, Object);
      host.close(gone);
    });
  }
});

describe("a host that never stops", () => {
  const asked = async (limits = {}): Promise<{ host: FakeHost; failure: Promise<LinkFailure> }> => {
    const host = await openFakeHost(limits);
    const failure = linkFailureOf(host.session.request("settle", {}, () => {}));
    host.stdout.write(startLine(host));
    return { host, failure };
  };

  test("is given up after a line that is longer than any answer", async () => {
    const { host, failure } = await asked();
    for (let sent = 0; sent <= REPLY_LINE_LIMIT_BYTES; sent += MIB) host.stdout.write(Buffer.alloc(MIB, "x"));
    const link = await failure;
    assert.ok(link.kind === "agent-reply");
    assert.match(link.detail, /a line of more than 16777216 bytes/);
    host.close(gone);
  });

  test("is not listened to any more once it was given up", async () => {
    const { host, failure } = await asked();
    host.stdout.write("rubbish\n");
    await failure;
    const before = heldBytes();
    for (let sent = 0; sent < 64; sent++) {
      host.stdout.write(Buffer.alloc(MIB, "x"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(heldBytes() - before < 16 * MIB, "what comes afterwards is not kept");
    host.close(gone);
  });

  test("with one line in a million pieces costs no more than the line", async () => {
    const { host, failure } = await asked();
    const before = heldBytes();
    for (let sent = 0; sent < 1_000_000; sent++) {
      host.stdout.write(Buffer.from("x"));
      if (sent % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(heldBytes() - before < 16 * MIB, `${heldBytes() - before} bytes are held`);
    host.stdout.write("\n");
    assert.equal((await failure).kind, "agent-reply");
    host.close(gone);
  });

  test("with events is given up", async () => {
    const { host, failure } = await asked();
    const event = '{"kind":"event","id":1,"event":{"event":"warning","text":"the sky falls"}}\n';
    for (let sent = 0; sent <= EVENT_LIMIT; sent++) host.stdout.write(event);
    const link = await failure;
    assert.ok(link.kind === "agent-reply");
    assert.match(link.detail, /more than 20000 events/);
    host.close(gone);
  });

  test("to say its answer byte by byte, now and then, counts as silent", async () => {
    const { host, failure } = await asked(QUICK);
    const drip = setInterval(() => host.stdout.write("x"), 20);
    assert.equal((await failure).kind, "link-silent");
    clearInterval(drip);
    host.close(gone);
  });

  test("may take long over a long answer, as long as it goes on", async () => {
    const { host, failure } = await asked({ heartbeatMs: 20, silenceMs: 2_500 });
    const text = `{"kind":"result","id":1,"result":{"pruned":7,"x":"${"x".repeat(60 * SIGN_OF_LIFE_BYTES)}"}}\n`;
    let at = 0;
    await eventually(
      () => {
        host.stdout.write(text.slice(at, at + SIGN_OF_LIFE_BYTES));
        at += SIGN_OF_LIFE_BYTES;
        return at >= text.length;
      },
      { name: "all of it is said" },
    );
    // What it said is wrong, but it was heard to its end.
    assert.equal((await failure).kind, "agent-reply");
    host.close(gone);
  });

  test("asking for the agent is sent it once", async () => {
    const host = await openFakeHost();
    const failure = linkFailureOf(host.session.request("settle", {}));
    const need = `\n${host.magic} {"kind":"need"}`;
    host.stdout.write(`${need.repeat(10_000)}\n`);
    assert.equal((await failure).kind, "agent-start");
    const sent = (host.stdin.read() as Buffer).toString();
    assert.equal(sent.split('"verb":"agent"').length - 1, 1);
    host.close(gone);
  });
});
