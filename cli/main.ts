/** argv in, exit code out. The only reader of process.argv and process.env, and the only place that handles signals. */
import { homedir, hostname, userInfo } from "node:os";
import { isatty } from "node:tty";
import { actorOf } from "./core/ci/surroundings.ts";
import { EXIT } from "./core/exit-code.ts";
import { failureLines } from "./core/report/failure-report.ts";
import { chooseColor, chooseMode } from "./core/report/output-mode.ts";
import { explain, explainBug, explainLostOutput } from "./explain.ts";
import { ZdrError } from "./failure.ts";
import { withFiles } from "./io/output/files.ts";
import { readerGoneOf, watchLoss } from "./io/output/streams.ts";
import { type Output, openOutput } from "./io/output.ts";
import type { Asked } from "./program/verb.ts";
import { NothingAsked, parseCommandLine } from "./program.ts";
import type { Interrupt, Signal } from "./run.ts";

/** Set by the build from package.json. */
declare const ZDR_VERSION: string;

async function main(): Promise<number> {
  const { stdout, stderr } = process;
  // Help has no output of its own to look after a reader that goes away.
  stderr.on("error", () => {});
  const lossOf = watchLoss(stdout);
  const exit = await obey();
  const loss = await lossOf();
  if (loss === undefined) return exit;
  const told = explainLostOutput(loss);
  stderr.write(`${failureLines(told).join("\n")}\n`);
  return exit === EXIT.done || exit === EXIT.pending ? told.exit : exit;
}

async function obey(): Promise<number> {
  const { argv, env, stdout, stderr } = process;
  let asked: Asked;
  try {
    asked = parseCommandLine(argv.slice(2), ZDR_VERSION);
  } catch (error) {
    if (error instanceof NothingAsked) return argv.length > 2 ? EXIT.done : EXIT.usage;
    return fail(openFor(env, UNREADABLE), error);
  }
  const output = openFor(env, asked);
  const interrupt = watchSignals(output);
  try {
    return await asked.run({
      ...{
        cwd: process.cwd(),
        home: env.HOME ?? homedir(),
        user: nameOfUser(),
        env,
        output,
        columns: stdout.isTTY === true ? stdout.columns : undefined,
        interrupt,
        readerGone: readerGoneOf(stdout),
        bundles: __dirname,
      },
      actor: { ...actorOf(env, { user: nameOfUser(), host: hostname() }), command: newCommandName() },
      // Not process.stdin.isTTY: making that stream loads 3 ms of Node that only a question needs.
      canAsk: isatty(0) && stderr.isTTY === true,
    });
  } catch (error) {
    return fail(output, error);
  } finally {
    await output.close();
  }
}

/** A command line that asks for nothing that there is. */
const UNREADABLE = { verb: "", json: false, quiet: false, junit: undefined };

type Shown = Pick<Asked, "verb" | "json" | "quiet" | "junit">;

function openFor(env: NodeJS.ProcessEnv, { verb, json, quiet, junit }: Shown): Output {
  const { stdout, stderr } = process;
  const isTTY = stderr.isTTY === true;
  const mode = chooseMode({ isTTY, env, json });
  const { GITHUB_WORKSPACE: workspace = process.cwd(), GITHUB_STEP_SUMMARY: summary = "" } = env;
  const output = openOutput({ mode, stdout, stderr, color: chooseColor({ isTTY, env }), quiet, workspace });
  return withFiles(output, { verb, junit, summary: summary === "" || verb === "" ? undefined : summary });
}

function fail(output: Output, error: unknown): number {
  const explained = error instanceof ZdrError ? explain(error.failure) : explainBug(error);
  // Thrown only while nothing was changed on any host; whoever has changed something tells their state itself.
  const isEarly = error instanceof ZdrError && error.failure.kind === "interrupted";
  output.failure(isEarly ? { ...explained, state: ["no host was touched"] } : explained);
  return explained.exit;
}

/** CI systems kill ten seconds after SIGTERM, or sooner; within seven all must have been said. */
const TERM_PATIENCE_MS = 5_000;
/** For saying it. */
const LEAVE_PATIENCE_MS = 1_000;

/** The first signal is told to whoever is at work; at the second there is no more time, and the agents finish alone. */
function watchSignals(output: Output): Interrupt {
  let first: Interrupt["signal"];
  let isLeaving = false;
  let act: (signal: Signal) => void = () => {};
  let actAtEnd: ((signal: Signal) => void) | undefined;
  const leave = (signal: Signal) => {
    if (isLeaving || actAtEnd === undefined) leaveAtOnce(signal);
    isLeaving = true;
    setTimeout(() => leaveAtOnce(signal), LEAVE_PATIENCE_MS).unref();
    actAtEnd(signal);
  };
  const receive = (signal: Signal) => {
    if (first !== undefined) return leave(signal);
    first = signal;
    output.report({ kind: "note", text: `${signal} received` });
    if (signal === "SIGTERM") setTimeout(() => isLeaving || leave(signal), TERM_PATIENCE_MS).unref();
    act(signal);
  };
  process.on("SIGINT", receive);
  process.on("SIGTERM", receive);
  return {
    get signal() {
      return first;
    },
    get isLeaving() {
      return isLeaving;
    },
    onFirst(next) {
      act = next;
      // It may have come while nobody listened: during the build, say.
      if (first !== undefined) next(first);
      return () => {
        if (act === next) act = () => {};
      };
    },
    onLeave(next) {
      actAtEnd = next;
    },
    raise: receive,
  };
}

/** Nothing may hold this up, not even a tree on the terminal. */
function leaveAtOnce(signal: Signal): never {
  const state = "what was under way is left to the agents, which finish or revert by themselves";
  process.stderr.write(`\nzdr: state: ${state}\nzdr: hint:  see what became of it: zdr releases\n`);
  process.exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
}

/** Short enough to be typed, and of all that a host has ever seen hardly two are the same. */
function newCommandName(): string {
  return crypto.randomUUID().slice(0, 8);
}

function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? -1}`;
  }
}

process.on("uncaughtException", (error: unknown) => {
  process.stderr.write(`${failureLines(explainBug(error)).join("\n")}\n`);
  process.exit(EXIT.bug);
});

main().then(
  (exit) => {
    process.exitCode = exit;
    process.exit();
  },
  (error: unknown) => {
    throw error;
  },
);
