/** dist/prove.cjs: what an administrator may let the deploying user run as root, by the line of core/sudoers.ts. */
import { PROC } from "./io/process/processes.ts";
import { answerQuestions } from "./io/process/prove.ts";

process.stdin.setEncoding("latin1");
/** The agent has gone: there is nobody to tell. */
process.stdout.on("error", () => process.exit(1));
answerQuestions(process.stdin, process.stdout, PROC, () => process.exit(1)).then(
  () => process.exit(0),
  () => process.exit(1),
);
