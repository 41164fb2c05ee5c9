/**
 * `logs`: what programs have logged, from the files that supervisor writes. Each answer says how far it has read, and the
 * next question begins there: so nothing piles up where nobody reads, and a link that dies costs no line twice.
 */
import { statSync } from "node:fs";
import type { HostContext } from "../../context.ts";
import { AgentError, isSupervisorAway } from "../../core/failure.ts";
import { errnoOf } from "../../io/files.ts";
import { lastLines, linesAfter, type TailRead } from "../../io/log-tail.ts";
import { readLogFrom } from "../../io/program-log.ts";
import type { LogStream, Supervisor } from "../../io/supervisor/supervisor.ts";
import { membersOf } from "../../members/members.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import type { LogPlace, LogsResult } from "../../wire/logs.ts";
import type { ProcessInfo } from "../../wire/program.ts";
import { openProject } from "../parts/open.ts";
import { targetsOf } from "../parts/targets.ts";
import { logFilesByConfig } from "./away-logs.ts";

/** A log is looked at this often while nothing comes. */
const POLL_MS = 250;

interface Log {
  readonly process: string;
  readonly stream: LogStream;
  readonly path: string;
}

type Asked = RequestOf<"logs">;

export async function runLogs(session: Session, asked: Asked): Promise<LogsResult> {
  const context = openProject(session, asked.project);
  const { logs, silent } = await findLogs(context, asked);
  const startedAt = context.now();
  const { gone } = session.wire;
  for (;;) {
    const result = await readAll(context.supervisor, logs, asked);
    result.silent.push(...silent);
    const isOver = context.now() - startedAt >= asked.waitMs || gone.aborted;
    if (isOver || result.isMore || result.chunks.length > 0) return result;
    await context.sleep(POLL_MS);
  }
}

/** Where they are by supervisord's word; where it does not answer, by its config. */
async function findLogs(context: HostContext, { programs }: Asked) {
  let away: AgentError | undefined;
  const logs: Log[] = [];
  const silent: LogsResult["silent"] = [];
  for (const { program } of targetsOf(context, programs)) {
    try {
      for (const member of await membersOf(context, program)) logs.push(...logsOf(member.program.process, member.info));
    } catch (error) {
      if (!(error instanceof AgentError) || !isSupervisorAway(error.failure)) throw error;
      const process = program.process;
      const files = logFilesByConfig(context, program);
      away = error;
      logs.push(...files.map((file) => ({ process, ...file })));
      const where =
        files.length === 0 ? "its config does not say where this log is" : "its config says where this log is";
      silent.push({ process, why: `supervisord does not answer; ${where}` });
    }
  }
  if (away !== undefined && logs.length === 0) throw away;
  return { logs, silent };
}

function logsOf(process: string, { stdout_logfile, stderr_logfile }: ProcessInfo): Log[] {
  return [
    { process, stream: "stdout", path: stdout_logfile } as const,
    ...(stderr_logfile === "" ? [] : [{ process, stream: "stderr", path: stderr_logfile } as const]),
  ];
}

async function readAll(supervisor: Supervisor, logs: readonly Log[], asked: Asked): Promise<LogsResult> {
  const result: LogsResult = { chunks: [], after: [], isMore: false, silent: [] };
  for (const log of logs) {
    const { process, stream } = log;
    const before = asked.after?.find((place) => place.process === process && place.stream === stream);
    const read = await readLog(supervisor, log, before, asked);
    if (typeof read === "string") {
      result.silent.push({ process, why: read });
      continue;
    }
    if (read.lines.length > 0) result.chunks.push({ process, stream, lines: [...read.lines] });
    result.after.push({ ...log, ...read.place });
    result.isMore ||= read.isMore;
  }
  return result;
}

/** A text says why there is nothing to be had. */
async function readLog(
  supervisor: Supervisor,
  log: Log,
  before: LogPlace | undefined,
  { lines, follow, after }: Asked,
): Promise<TailRead | string> {
  const { path } = log;
  if (path === "") return "supervisor keeps no log of it (stdout_logfile)";
  try {
    if (before !== undefined && before.inode !== 0 && before.path === path) return linesAfter(path, before);
    // One that supervisord has begun under another name is read from its beginning.
    if (after !== undefined && before?.inode !== 0) return linesAfter(path, { inode: 0, offset: 0 });
    if (before === undefined) return lastLines(path, lines, follow);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return { lines: [], place: { inode: 1, offset: 0 }, isMore: false };
    if (code !== "EACCES" && code !== "EPERM") return `${path}: ${code}`;
  }
  return askSupervisor(supervisor, log, before, lines);
}

/** Of a log that only supervisord can read, so much of its end at first. */
const THROUGH_SUPERVISOR_BYTES = 64 * 1024;

/** supervisord reads it for those who may not, as long as what stands there is text that XML can carry. */
async function askSupervisor(
  supervisor: Supervisor,
  log: Log,
  before: LogPlace | undefined,
  count: number,
): Promise<TailRead | string> {
  const { process, stream, path } = log;
  try {
    const size = await sizeOf(supervisor, log);
    const from = before?.offset ?? Math.max(0, size - THROUGH_SUPERVISOR_BYTES);
    const { text, offset } = await readLogFrom(supervisor, process, stream, from > size ? 0 : from);
    const head = before === undefined && offset > 0 ? text.indexOf("\n") + 1 : 0;
    const end = Math.max(head, text.lastIndexOf("\n") + 1);
    const all = head === end ? [] : text.slice(head, end - 1).split("\n");
    const lines = before === undefined ? all.slice(Math.max(0, all.length - count)) : all;
    return { lines, place: { inode: 0, offset: offset + Buffer.byteLength(text.slice(0, end)) }, isMore: false };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return `this user may not read ${path}, and supervisord can not send it (${error.failure.reason}); name a file that it may read: stdout_logfile= in its section`;
  }
}

/** In a folder that is closed to this user, only supervisord can look at the size either. */
async function sizeOf(supervisor: Supervisor, { process, stream, path }: Log): Promise<number> {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return supervisor.getLogSize(process, stream);
  }
}
