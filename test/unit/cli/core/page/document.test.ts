import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PageAssets, renderPage } from "../../../../../cli/core/page/document.ts";
import { escapeHtml, html, jsonForScript } from "../../../../../cli/core/page/html.ts";
import { countOf, entryOf, factsOf, traceOf } from "./sample.ts";

const ASSETS: PageAssets = { script: "draw()", style: "p{}", scriptHash: "sha256-s", styleHash: "sha256-t" };
const page = (facts = factsOf()) => renderPage(facts, ASSETS);

/** What a browser would show of it, roughly. */
const textOf = (text: string) =>
  text
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, " ");

test("it says what was deployed from where, how it ended, who did it, in which run, and what the requests met", () => {
  const text = textOf(page());
  for (const words of [
    "v1 → v2",
    "✓ kept on 1 host",
    "1,204 requests, none failed, the slowest took 12 ms",
    "2026-11-20 10:00:00Z",
    "ann@laptop",
    "https://ci.example/1",
    "3f2a91c0",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("every phase of a host stands in words with how long it took, not only as a bar", () => {
  const text = textOf(page());
  for (const words of [
    "received what it lacked 200 ms",
    "took the baseline 200 ms",
    "flip, until all were ready 100 ms",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("flip, signal, ready and drained stand in words with their times, each with the letter of its line", () => {
  const text = textOf(page());
  for (const words of [
    "F 0 flip:",
    "S 20 ms signal USR2 (pid 7)",
    "R 80 ms ready:",
    "D 310 ms drained:",
    "K 1 s kept:",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("what a chart draws stands in numbers too, moments and failures included", () => {
  const text = textOf(page());
  assert.match(text, /−200 ms to −100 ms 6 0 2 ms /);
  assert.match(text, /0 to 100 ms 6 2 6 ms F S R/);
  assert.match(text, /2 &times; connect ECONNREFUSED 127\.0\.0\.1:8080/);
});

test("an activation of which nothing was recorded says so, with the sum of the ledger", () => {
  const parts = [{ entry: entryOf(), trace: undefined, told: undefined }];
  const text = textOf(page(factsOf({ hosts: [{ host: "web1", parts }] })));
  assert.match(text, /No samples were recorded .* only the sum: 1,204 requests, none failed/);
});

test("a revert says why, what was logged and what serves again; a host that was not asked or took no part is named", () => {
  const entry = entryOf({ ended: "reverted", to: "v1", reason: "unhealthy" });
  const trace = traceOf();
  const report = { ...trace.report, log: [{ program: "shop", line: "panic: dsn" }], warnings: ["a warning"] };
  const told = { error: ['web1: program "shop" was not healthy'], hints: ["see more with: zdr logs shop"] };
  const hosts = [
    { host: "web1", parts: [{ entry, trace: { ...trace, report }, told }] },
    { host: "web2", parts: [] },
  ];
  const text = textOf(page(factsOf({ hosts, silent: [{ host: "web3", why: "connect ECONNREFUSED" }] })));
  for (const words of [
    "✗ reverted to v1 (unhealthy) on 1 host; 1 host could not be asked",
    'program "shop" was not healthy',
    "shop: panic: dsn",
    "a warning",
    "web2 … took no part",
    "could not be asked: connect ECONNREFUSED",
  ]) {
    assert.ok(text.includes(words), words);
  }
});

test("hosts that ended otherwise are counted apart", () => {
  const reverted = entryOf({ ended: "reverted", to: "v1", reason: "crashed" });
  const parts = (entry: ReturnType<typeof entryOf>) => [{ entry, trace: undefined, told: undefined }];
  const hosts = [
    { host: "web1", parts: parts(entryOf()) },
    { host: "web2", parts: parts(reverted) },
  ];
  assert.match(textOf(page(factsOf({ hosts }))), /✗ kept on 1 host, reverted to v1 \(crashed\) on 1 host/);
});

test("what was taken back by the same command is not called kept", () => {
  const back = entryOf({ tag: "v1", from: "v2", what: "rollback", at: "2026-11-20T10:05:00.000Z" });
  const parts = [entryOf(), back].map((entry) => ({ entry, trace: undefined, told: undefined }));
  const text = textOf(page(factsOf({ hosts: [{ host: "web1", parts }] })));
  assert.match(text, /v1 → v2 ✗ taken back to v1 on 1 host/);
});

test("its policy lets it load nothing, and run and look like nothing but what the build has made", () => {
  const text = page();
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text)?.[1] ?? "";
  const [first, ...rest] = policy.split("; ");
  assert.equal(first, "default-src 'none'");
  assert.deepEqual(rest.slice(0, 2), ["script-src 'sha256-s'", "style-src 'sha256-t'"]);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.doesNotMatch(text, /\s(?:src|srcset|style|on\w+)="/);
  assert.deepEqual([...text.matchAll(/\shref="([^"]*)"/g)].map((match) => match[1]).sort(), [
    "data:,",
    "https://ci.example/1",
  ]);
});

const HOSTILE = [
  "</script><script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "\"><svg onload='alert(1)'>",
  "<!--",
  "]]>",
  "&lt;b&gt;",
  "\u001b[2J\u202egnp.exe",
  "`alert(1)`",
];

test("nothing that a host or a ledger says becomes markup, wherever it stands", () => {
  for (const text of HOSTILE) {
    const trace = traceOf();
    const hostile = page(
      factsOf({
        ...{ project: text, id: text, silent: [{ host: text, why: text }] },
        hosts: [
          {
            host: text,
            parts: [
              {
                entry: entryOf({
                  ...{ tag: text, from: text, reason: text, ended: "stuck", at: text, proof: text, evidence: [text] },
                  by: { user: text, host: text, run: `javascript:${text}`, command: text },
                  spans: [{ phase: text, at: 0, ms: 1 }],
                  programs: [{ name: text, action: "reload", draining: 0, proof: "none" }],
                }),
                trace: {
                  ...trace,
                  flippedAt: text,
                  report: { ...trace.report, warnings: [text], log: [{ program: text, line: text }] },
                  moments: [{ atMs: 0, what: text, detail: text }],
                  meters: trace.meters.map((meter) => ({ ...meter, program: text, errors: [text] })),
                },
                told: { error: [text], hints: [text] },
              },
            ],
          },
        ],
      }),
    );
    const tags = (page: string) => [...page.matchAll(/<(\/?[a-z!-]\w*)/gi)].map((match) => match[1]?.toLowerCase());
    const known = new Set(tags(page()));
    for (const tag of [...tags(hostile)]) assert.ok(known.has(tag) || TROUBLE.has(tag ?? ""), `${tag} of ${text}`);
    assert.equal(tags(hostile).filter((tag) => tag === "script").length, 2, text);
    assert.doesNotMatch(hostile, /[\u0000-\u0008\u001b\u202e]/, text);
    assert.doesNotMatch(hostile, /href="javascript/);
  }
});

/** Of parts that the usual page has not. */
const TROUBLE = new Set(["pre", "/pre"]);

test("JSON in the page is the same JSON, whatever it holds", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { text } = jsonForScript(value);
      assert.doesNotMatch(text, /[<>&\u2028]/);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("a template escapes all but what templates have made", () => {
  assert.equal(
    html`<p title="${'"'}">${"<b>"}${html`<i>${1}</i>`}${[undefined, false, "&"]}</p>`.text,
    '<p title="&#34;">&#60;b&#62;<i>1</i>&#38;</p>',
  );
  fc.assert(fc.property(fc.string(), (text) => assert.doesNotMatch(escapeHtml(text), /[<>"'`]/)));
});

test("numbers that are worse than before are told without colour", () => {
  const lossy = entryOf();
  const programs = lossy.programs.map((program) => ({
    ...program,
    meter: { baseline: countOf(10, 0), during: countOf(100, 7) },
  }));
  const parts = [{ entry: { ...lossy, programs }, trace: undefined, told: undefined }];
  assert.match(textOf(page(factsOf({ hosts: [{ host: "web1", parts }] }))), /100 requests, 7 failed/);
});
