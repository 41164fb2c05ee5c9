/** `exec` begins a command, `output` fetches what it prints. With the session, the command ends too. */
import { existsSync } from "node:fs";
import { AgentError } from "../../core/failure.ts";
import { layoutOf } from "../../core/layout.ts";
import { Command } from "../../io/command.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import type { ExecResult, OutputResult } from "../../wire/exec.ts";

/** In the release that serves; where nothing does, in deploy_to; before setup, in this user's home. */
export async function runExec(session: Session, { deployTo, argv }: RequestOf<"exec">): Promise<ExecResult> {
  if (session.command !== undefined) throw new AgentError({ reason: "bad-request", detail: "a command runs already" });
  const { current } = layoutOf(deployTo);
  const cwd = [current, deployTo].find((path) => existsSync(path)) ?? process.cwd();
  // A shell shows the link, and not what it names today.
  const env = { ...process.env, PWD: cwd, ZDR_CURRENT: current };
  const command = new Command(argv, { cwd, env });
  session.command = command;
  return { pid: command.pid, cwd };
}

export async function runOutput({ command, wire }: Session, { waitMs }: RequestOf<"output">): Promise<OutputResult> {
  if (command === undefined) throw new AgentError({ reason: "bad-request", detail: "no command was begun" });
  return command.take(waitMs, wire.gone);
}
