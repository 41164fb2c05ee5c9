/** What a host says is shown and not obeyed: on a terminal, through pipes and as NDJSON, in every place where a text can stand. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AgentEvent, results, type Verb } from "../../../agent/protocol.ts";
import { valuesOf } from "../../support/fuzz/schema.ts";
import { type HostileWords, startHostileHost } from "../../support/hostile/hostile-host.ts";

const SEED = 4_711;
/** Sets the title, clears the screen, rings, hides text, turns the direction of writing, and ends the line. */
const OBEYED = "\x1b]0;owned\x07\x1b[2J\x1b[8m\u009b31m\u202ehidden\u200b\r\nzdr: state: all is well";
/** What must never come out as it is. zdr's own tree uses other sequences than these. */
const MARKS = ["\x1b]0;", "\x1b[2J", "\x1b[8m", "\x07", "\u009b", "\u202e", "\u200b"];
const scalars = { text: fc.constant(OBEYED), natural: fc.constant(1), number: fc.constant(0) };

function assertShown(text: string, isStatus = false): void {
  for (const mark of MARKS) assert.ok(!text.includes(mark), `${JSON.stringify(mark)} in ${JSON.stringify(text)}`);
  // What status prints are the host's own lines.
  if (!isStatus) assert.doesNotMatch(text, /^\s*zdr: state: all is well/m, "a line that zdr did not say");
}

const sample = (schema: Parameters<typeof valuesOf>[0], count: number) =>
  fc.sample(valuesOf(schema, scalars), { numRuns: count, seed: SEED });
const resultLine = (value: unknown) =>
  JSON.stringify({ kind: "result", id: 0, result: value }).replace('"id":0', '"id":{id}');
const eventLines = sample(AgentEvent, 6).map((event) =>
  JSON.stringify({ kind: "event", id: 0, event }).replace('"id":0', '"id":{id}'),
);
/** A release that it can go on with: every step of a command has something to show. */
const usable: Partial<Record<Verb, object>> = {
  stage: { staged: true, missing: [] },
  activate: { outcome: "kept" },
};

/** A host that answers everything, each text of each answer hostile. */
function loudHost(seed: number): HostileWords {
  const words: HostileWords = { noise: OBEYED };
  for (const verb of Object.keys(results) as Verb[]) {
    const [value] = fc.sample(valuesOf(results[verb], scalars), { numRuns: 1, seed });
    const line = resultLine({ ...(value as object), ...(verb === "survey" ? sound(value as object) : usable[verb]) });
    words[verb] = [...eventLines.map((event) => [event, 1] as const), [line, 1]];
  }
  return words;
}

/** A survey without what would end the command here. */
function sound(survey: object): object {
  const release = { tag: OBEYED, verdict: "good", isCurrent: false, isPresent: true, provedRank: 1, runs: [OBEYED] };
  return { ...survey, programs: [], releases: [release], unchanged: undefined, current: "v0" };
}

const COMMANDS = [
  ["status"],
  ["status", "--releases"],
  ["releases"],
  ["setup"],
  ["deploy", "--tag", "v1", "--dry-run"],
  ["deploy", "--tag", "v1"],
  ["rollback"],
  ["restart"],
  ["reload"],
] as const;

describe("with escape sequences in every text of every answer, nothing of it is obeyed by", () => {
  for (const args of COMMANDS) {
    test(`zdr ${args.join(" ")}`, async (t) => {
      const host = await startHostileHost(t, loudHost(1));
      const { raw } = await host.zdrOnTerminal(args);
      assert.match(raw, /web1|STATE|^/);
      // status ends without a word where all is well and nothing runs
      if (args[0] !== "status") assert.match(raw, /\\x1b\]0;owned\\x07/);
      assertShown(raw, args[0] === "status");
      const { stdout, stderr } = await host.zdr(args);
      assertShown(stderr);
      // Through a pipe status is byte for byte what supervisorctl prints, so that scripts can go on reading it.
      if (args[0] !== "status") assertShown(stdout);
      const json = await host.zdr([...args, "--json"]);
      assertShown(json.stdout);
      for (const line of json.stdout.trim().split("\n")) JSON.parse(line);
    });
  }
});

describe("a host that says more than anybody reads", () => {
  const survey = (releases: number) => {
    const there = Array.from({ length: releases }, (_, rank) => ({
      ...{ tag: `v${rank}`, verdict: "good", isCurrent: false, isPresent: true, provedRank: rank, runs: [] },
    }));
    const [some] = sample(results.survey, 1);
    return resultLine({ ...sound(some as object), releases: there, current: `v${releases - 1}`, warnings: [] });
  };

  test("with warnings: the first of them are shown, and how many more there were", async (t) => {
    const warning = { kind: "event", id: 0, event: { event: "warning", text: "w".repeat(1000) } };
    const line = JSON.stringify(warning).replace('"id":0', '"id":{id}');
    const host = await startHostileHost(t, {
      setup: [
        [line, 15_000],
        [resultLine({ done: ["made it"], administrator: [], findings: [] }), 1],
      ],
    });
    const { raw, code } = await host.zdrOnTerminal(["setup"]);
    assert.equal(code, 0);
    assert.match(raw, /zdr: warning: 14\d{3} further lines like these were left out/);
    assert.match(raw, /web1: made it/);
    assert.ok(raw.length < 2_000_000, `${raw.length} bytes came to the terminal`);
  });

  test("with releases: they are listed", async (t) => {
    const host = await startHostileHost(t, { survey: [[survey(130_000), 1]] });
    const { code, stdout } = await host.zdr(["releases"]);
    assert.equal(code, 0);
    assert.match(stdout, /\bv129999\b/);
  });

  test("with good releases: the one to go back to is found", async (t) => {
    const [report] = sample(results.activate, 1);
    const kept = resultLine({ ...(report as object), outcome: "kept" });
    const settled = resultLine({ pruned: [], warnings: [] });
    const passed = resultLine({});
    const asked = { preflight: [[passed, 1]], activate: [[kept, 1]], settle: [[settled, 1]] } as const;
    const words = { survey: [[survey(130_000), 1]], ...asked } as const;
    const host = await startHostileHost(t, words);
    const { stderr } = await host.zdr(["rollback"]);
    assert.match(stderr, /rolling back to v129998/);
  });

  test("by asking for files that the build does not have is sent none", async (t) => {
    const [some] = sample(results.survey, 1);
    for (const missing of [[1_000_000], [0], [1, 1], [1, 0]]) {
      const host = await startHostileHost(t, {
        survey: [[resultLine({ ...sound(some as object), releases: [] }), 1]],
        stage: [[resultLine({ staged: false, missing, missingBytes: 1, copiedBytes: 0 }), 1]],
      });
      const { code, stderr } = await host.zdr(["deploy", "--tag", "v1"]);
      assert.match(stderr, /zdr: error: web1: .*it asks for files that the build does not have/);
      assert.match(stderr, /zdr: hint: .*taken that host over/);
      assert.equal(code, 70);
    }
  });
});
