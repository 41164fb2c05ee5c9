/** A tree on the terminal that changes in place; what else is to be said waits until it stands still. */
import type { Writable } from "node:stream";
import type { WriteStream } from "node:tty";
import { eventLine, isSpoken } from "../../core/report/event-lines.ts";
import type { Output } from "../output.ts";
import { growTree, type Steps } from "./steps.ts";
import { errorLine, failureText, flush, hostLine, oneAtATime } from "./streams.ts";
import type { RunningTree } from "./tree.ts";

/** Of what waits for the tree to end. More is left out, and counted: a host may warn without end. */
const WAITING_LIMIT_CHARACTERS = 512 * 1024;

export interface TerminalOptions {
  readonly stdout: Writable;
  readonly terminal: WriteStream;
  readonly color: boolean;
}

export function openTerminal({ stdout, terminal, color }: TerminalOptions): Output {
  let steps: Steps | undefined;
  let tree: Promise<RunningTree> | undefined;
  const waiting: (() => void)[] = [];
  let waitingCharacters = 0;
  let leftOut = 0;
  const inTurn = oneAtATime();

  /** At once where no tree stands, else after it. */
  const say = (stream: Writable, text: string) => {
    if (steps === undefined) stream.write(text);
    else waiting.push(() => void stream.write(text));
  };
  const saySpoken = (line: string) => {
    if (steps !== undefined && waitingCharacters + line.length > WAITING_LIMIT_CHARACTERS) {
      leftOut++;
      return;
    }
    waitingCharacters += line.length;
    say(terminal, errorLine(line, color));
  };
  const endTree = async () => {
    steps?.end();
    await (await tree)?.ended;
    steps = undefined;
    tree = undefined;
    for (const write of waiting.splice(0)) write();
    if (leftOut > 0)
      terminal.write(errorLine(`zdr: warning: ${leftOut} further lines like these were left out`, color));
    leftOut = 0;
    waitingCharacters = 0;
  };

  return {
    report(event) {
      // A host without steps would stand there with a tick before it has answered.
      if (event.kind === "plan" && event.phases.length > 0 && steps === undefined) {
        const grown = growTree(event);
        steps = grown;
        // listr2 takes 37 ms to load: only where a tree is really shown.
        tree = import("./tree.ts").then(({ runTree }) => runTree(grown, { terminal, color }));
        return;
      }
      // What stays true after the tree has gone. The rest is the tree's to show.
      const spoken = isSpoken(event) ? eventLine(event) : undefined;
      if (spoken !== undefined) saySpoken(spoken);
      steps?.report(event);
    },
    result: (text) => say(stdout, text),
    line(text, _event, _fields, isError = false) {
      const stream = isError ? terminal : stdout;
      say(stream, hostLine(stream, text));
    },
    failure: (report) => say(terminal, failureText(report, color)),
    pause: (work) => inTurn(async () => (tree === undefined ? work() : (await tree).pause(work))),
    async close() {
      await endTree();
      await Promise.all([flush(stdout), flush(terminal)]);
    },
  };
}
