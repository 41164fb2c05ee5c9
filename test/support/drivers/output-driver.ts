/**
 * Opens the output of the CLI as main does and calls it as a test says: one call a line, as JSON, over the unix socket
 * argv[2]. argv[3] is the mode; `auto` lets the surroundings choose, `quiet` is plain and quiet. A call is `["report", event]`, `["result", text, data,
 * exit]`, `["failure", report]` or `["ask", question]`, which pauses the tree and reads a line of stdin. The end of the
 * socket closes the output.
 */
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { FailureReport } from "../../../cli/core/report/failure-report.ts";
import { chooseColor, chooseMode } from "../../../cli/core/report/output-mode.ts";
import type { ProgressEvent } from "../../../cli/core/report/progress.ts";
import { openOutput } from "../../../cli/io/output.ts";

export type OutputCall =
  | readonly ["report", ProgressEvent]
  | readonly ["result", string, unknown, number?]
  | readonly ["failure", FailureReport]
  | readonly ["ask", string];

await drive(process.argv[2] ?? "", process.argv[3] ?? "auto");

async function drive(socketPath: string, mode: string): Promise<void> {
  const surroundings = { isTTY: process.stderr.isTTY === true, env: process.env };
  const output = openOutput({
    quiet: mode === "quiet",
    mode: mode === "json" || mode === "plain" || mode === "tree" ? mode : chooseMode({ ...surroundings, json: false }),
    stdout: process.stdout,
    stderr: process.stderr,
    color: chooseColor(surroundings),
  });
  const calls: AsyncIterable<string> = createInterface({ input: connect(socketPath) });
  for await (const line of calls) {
    const call: OutputCall = JSON.parse(line);
    if (call[0] === "report") output.report(call[1]);
    else if (call[0] === "result") output.result(call[1], call[2], call[3]);
    else if (call[0] === "failure") output.failure(call[1]);
    else output.report({ kind: "note", text: `answered ${await output.pause(() => ask(call[1]))}` });
  }
  await output.close();
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const answers = createInterface({ input: process.stdin });
  return new Promise((resolve) => {
    answers.once("line", (answer) => {
      answers.close();
      process.stdin.unref?.();
      resolve(answer);
    });
  });
}
