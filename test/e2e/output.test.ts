/** What an operator sees: on a real terminal (of util-linux's script), through pipes, and as NDJSON. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { ProgressEvent } from "../../cli/core/report/progress.ts";
import type { OutputCall } from "../support/drivers/output-driver.ts";
import { eventually } from "../support/eventually.ts";

const DRIVER = fileURLToPath(new URL("../support/drivers/output-driver.ts", import.meta.url));

const PLAN: ProgressEvent = {
  kind: "plan",
  verb: "deploy",
  hosts: ["web-1", "web-2"],
  phases: ["connect", "survey", "upload", "activate", "settle"],
};
const FAILURE = {
  error: ['web-2: program "shop" crashed'],
  state: ["web-2 serves v1.1 again (reverted, verified)"],
  log: ["web-2: shop: panic: \x1b[31mred\x1b[0m"],
  hints: ["zdr releases"],
  exit: 7,
};

const phase = (
  host: string,
  name: "connect" | "survey" | "upload" | "activate" | "settle",
  status: "start" | "done" | "failed",
  detail?: string,
): OutputCall => [
  "report",
  { kind: "host-phase", host, phase: name, status, detail, ms: status === "start" ? undefined : 12 },
];

describe("on a terminal", () => {
  test("the tree is drawn on stderr, changes in place, and stdout carries the result alone", async (t) => {
    const run = await start(t, { terminal: true });
    run.call(["report", PLAN], phase("web-1", "connect", "start"), phase("web-2", "connect", "start"));
    await run.shows("connect");
    run.call(phase("web-1", "connect", "done"), phase("web-1", "upload", "start"));
    run.call(["report", { kind: "upload", host: "web-1", sentBytes: 12_300_000, totalBytes: 34_000_000 }]);
    await run.shows("upload: 12.3 MB of 34.0 MB");
    run.call(phase("web-1", "upload", "done", "34.0 MB"), phase("web-1", "activate", "start"));
    run.call([
      "report",
      {
        kind: "agent",
        host: "web-1",
        event: { event: "program", program: "shop", did: "signal USR2", pid: 4711, atMs: 15 },
      },
    ]);
    await run.shows("shop: signal USR2 (pid 4711) at 15 ms");
    run.call(phase("web-1", "activate", "done", "v1.2"), phase("web-2", "connect", "done"));
    run.call(["report", { kind: "warning", host: "web-1", text: "disk nearly full" }]);
    run.call(["result", "the table\n", null]);
    const { screen, raw, stdout } = await run.end();
    assert.equal(stdout, "the table\n");
    assert.match(raw, /\x1b\[\d*A/, "the cursor goes up to draw over what stood there");
    assert.match(raw, /\x1b\[\?25h\s*(?:\S[^\x1b]*)?$/u, "the cursor is shown again");
    const last = screen.slice(screen.lastIndexOf("web-1\n"));
    assert.match(last, /✔ connect \(12 ms\)/);
    assert.match(last, /✔ activate \(12 ms\): v1.2/);
    assert.match(last, /zdr: warning: web-1: disk nearly full/);
    assert.doesNotMatch(last, /undefined|\[object/);
  });

  test("a host that failed is shown as failed, and the words of the failure come after the tree", async (t) => {
    const run = await start(t, { terminal: true });
    run.call(["report", PLAN], phase("web-1", "connect", "start"), phase("web-2", "connect", "start"));
    await run.shows("connect");
    run.call(phase("web-2", "connect", "done"), phase("web-2", "activate", "start"));
    run.call(phase("web-2", "activate", "failed", "reverted"), ["failure", FAILURE]);
    run.call(phase("web-2", "settle", "start"), phase("web-2", "settle", "done"));
    const { screen } = await run.end();
    const last = screen.slice(screen.lastIndexOf("✖ web-2"));
    assert.match(last, /✖ activate \(12 ms\): reverted[\s\S]*✔ settle[\s\S]*zdr: error: web-2: program "shop" crashed/);
    assert.match(screen, /✖ connect: interrupted/, "what had begun on web-1 when the tree ended was interrupted");
    assert.match(screen, /zdr: log: {3}web-2: shop: panic: \\x1b\[31mred/);
  });

  test("a question stands on a line of its own while the tree waits, and the tree goes on after the answer", async (t) => {
    const run = await start(t, { terminal: true });
    run.call(["report", PLAN], phase("web-1", "connect", "start"));
    await run.shows("connect");
    run.call(["ask", "passphrase of id_ed25519: "]);
    await run.shows("passphrase of id_ed25519: ");
    run.type("open sesame\n");
    run.call(phase("web-1", "connect", "done"), phase("web-1", "survey", "start"), phase("web-1", "survey", "done"));
    const { screen } = await run.end();
    assert.match(screen, /answered open sesame/);
    assert.match(screen.slice(screen.lastIndexOf("web-1\n")), /✔ survey/);
  });

  test("colour is used where it is wanted and only there", async (t) => {
    for (const [env, wanted] of [
      [{}, true],
      [{ NO_COLOR: "1" }, false],
    ] as const) {
      const run = await start(t, { terminal: true, env });
      run.call(["report", PLAN], phase("web-1", "connect", "start"));
      await run.shows("connect");
      run.call(phase("web-1", "connect", "done"), ["failure", FAILURE]);
      const { raw } = await run.end();
      assert.equal(/\x1b\[3\dm/.test(raw), wanted, JSON.stringify(env));
    }
  });

  test("a dumb terminal, a CI job and a terminal of no size get plain lines and no escape sequences", async (t) => {
    for (const options of [
      { env: { TERM: "dumb" } },
      { env: { CI: "true", NO_COLOR: "1" } },
      { env: { NO_COLOR: "1" }, hasSize: false },
    ]) {
      const run = await start(t, { terminal: true, ...options });
      run.call(["report", PLAN], phase("web-1", "connect", "done"), ["failure", FAILURE]);
      const { raw } = await run.end();
      assert.match(raw, /web-1: connect done \(12 ms\)/);
      assert.doesNotMatch(raw, /\x1b/);
    }
  });
});

describe("through pipes", () => {
  test("each fact is one plain line with its host on stderr, and stdout is the result byte for byte", async (t) => {
    const run = await start(t, { terminal: false });
    run.call(["report", PLAN], phase("web-1", "connect", "start"), phase("web-1", "connect", "done"));
    for (const sent of [5, 17, 18, 34]) {
      run.call(["report", { kind: "upload", host: "web-1", sentBytes: sent * 1e6, totalBytes: 34e6 }]);
    }
    run.call(["report", { kind: "note", text: "nasty \x1b]0;title\x07" }], ["result", "no newline \xff", null]);
    const { raw, stdout } = await run.end();
    assert.equal(stdout, "no newline \xff");
    assert.deepEqual(raw.replace(/, [\d.]+ .?B\/s/g, "").split("\n"), [
      "deploy: 2 hosts: web-1, web-2",
      "web-1: connect",
      "web-1: connect done (12 ms)",
      "web-1: upload: 17.0 MB of 34.0 MB",
      "nasty \\x1b]0;title\\x07",
      "",
    ]);
  });

  test("a quiet verb says only notes, warnings and failures beside its result", async (t) => {
    const run = await start(t, { terminal: false, mode: "quiet" });
    run.call(["report", PLAN], phase("web-1", "survey", "start"), ["report", { kind: "note", text: "web-1:" }]);
    run.call(["report", { kind: "agent", host: "web-1", event: { event: "warning", text: "odd" } }]);
    run.call(["result", "a\n", null], ["result", "b\n", null]);
    const { raw, stdout } = await run.end();
    assert.equal(raw, "web-1:\nzdr: warning: web-1: odd\n");
    assert.equal(stdout, "a\nb\n");
  });

  test("a failure says what, the state, the log and what to do, in that order", async (t) => {
    const run = await start(t, { terminal: false });
    run.call(["failure", FAILURE]);
    const { raw, stdout } = await run.end();
    assert.equal(stdout, "");
    assert.equal(
      raw,
      'zdr: error: web-2: program "shop" crashed\n' +
        "zdr: state: web-2 serves v1.1 again (reverted, verified)\n" +
        "zdr: log:   web-2: shop: panic: \\x1b[31mred\\x1b[0m\n" +
        "zdr: hint:  zdr releases\n",
    );
  });

  test("a reader of stdout that went away does not end the command", async (t) => {
    const run = await start(t, { terminal: false, mode: "json" });
    run.closeStdout();
    for (let n = 0; n < 100; n++) run.call(["report", { kind: "note", text: "x".repeat(4096) }]);
    run.call(["failure", FAILURE]);
    const { raw, exit } = await run.end();
    assert.match(raw, /zdr: error:/);
    assert.equal(exit, 0);
  });
});

describe("as NDJSON", () => {
  test("events come as they happen and the result is always the last line, with the exit code of the failure", async (t) => {
    const run = await start(t, { terminal: false, mode: "json" });
    run.call(["report", PLAN], phase("web-1", "connect", "start"));
    await run.printsOnStdout('"phase":"connect"');
    run.call(["failure", FAILURE], ["result", "not shown", { hosts: [] }], phase("web-1", "connect", "done"));
    const { stdout } = await run.end();
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      events.map(({ event }) => event),
      ["plan", "host-phase", "failure", "host-phase", "result"],
    );
    assert.deepEqual(events[1], { event: "host-phase", host: "web-1", phase: "connect", status: "start" });
    assert.deepEqual(events.at(-1), { event: "result", exit: 7, data: { hosts: [] } });
  });

  test("several results become one list", async (t) => {
    const run = await start(t, { terminal: false, mode: "json" });
    run.call(["result", "a", { host: "web-1" }, 3], ["result", "b", { host: "web-2" }, 0]);
    const { stdout } = await run.end();
    assert.equal(stdout, '{"event":"result","exit":3,"data":[{"host":"web-1"},{"host":"web-2"}]}\n');
  });

  test("an upload is told once for each percent at most, its begin and its end always, and a quick one no oftener than people can read", async (t) => {
    const run = await start(t, { terminal: false, mode: "json" });
    for (let sent = 0; sent <= 1000; sent++) {
      run.call(["report", { kind: "upload", host: "web-1", sentBytes: sent, totalBytes: 1000 }]);
    }
    const { stdout } = await run.end();
    const told = stdout.trimEnd().split("\n").slice(0, -1);
    const percents = told.map((line) => Math.floor(JSON.parse(line).sentBytes / 10));
    assert.deepEqual([percents[0], percents.at(-1), new Set(percents).size], [0, 100, percents.length]);
    assert.ok(percents.length < 101, `${percents.length} lines`);
  });
});

interface Run {
  call(...calls: OutputCall[]): void;
  type(text: string): void;
  closeStdout(): void;
  shows(text: string): Promise<void>;
  printsOnStdout(text: string): Promise<void>;
  /** `raw`: what came to stderr; `screen`: the same without escape sequences and carriage returns. */
  end(): Promise<{ raw: string; screen: string; stdout: string; exit: number | null }>;
}

interface StartOptions {
  readonly terminal: boolean;
  readonly mode?: string;
  readonly env?: Record<string, string>;
  readonly hasSize?: boolean;
}

async function start(
  t: TestContext,
  { terminal, mode = "auto", env = {}, hasSize = true }: StartOptions,
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "zdr-output-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const socketPath = join(folder, "calls");
  const stdoutPath = join(folder, "stdout");
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const size = hasSize ? "stty rows 40 cols 100; " : "";
  const words = [process.execPath, DRIVER, socketPath, mode];
  const { CI: _, NO_COLOR: __, FORCE_COLOR: ___, ...inherited } = process.env;
  const options = { env: { ...inherited, TERM: "xterm-256color", ...env } };
  const child: ChildProcess = terminal
    ? spawn("script", ["-qec", `${size}${words.join(" ")} > ${stdoutPath}`, "/dev/null"], options)
    : spawn(process.execPath, words.slice(1), options);
  t.after(() => child.kill());
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const shown = collect(terminal ? child.stdout : child.stderr);
  const printed = terminal ? undefined : collect(child.stdout);
  const socket = await Promise.race([
    connected,
    exited.then(() => Promise.reject(new Error(`the driver ended: ${shown()}`))),
  ]);
  const visible = () => stripVTControlCharacters(shown()).replaceAll("\r", "");
  return {
    call: (...calls) => void socket.write(calls.map((call) => `${JSON.stringify(call)}\n`).join("")),
    type: (text) => void child.stdin?.write(text),
    closeStdout: () => child.stdout?.destroy(),
    async shows(text) {
      await eventually(() => visible().includes(text), { name: `"${text}" on the terminal` });
    },
    async printsOnStdout(text) {
      await eventually(() => printed?.().includes(text), { name: `"${text}" on stdout` });
    },
    async end() {
      socket.end();
      const exit = await exited;
      const stdout = printed === undefined ? await readFile(stdoutPath, "utf8") : printed();
      return { raw: shown(), screen: visible(), stdout, exit };
    },
  };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
