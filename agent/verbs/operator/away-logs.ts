/**
 * Where a supervisord that does not answer has left the logs of a program, by what its config says.
 *
 * What it does not say plainly is not guessed at: of a log without a name (AUTO), the newest file of the name that supervisor gives
 * such logs (options.py, get_auto_child_log_name) is taken.
 */
import { readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostContext } from "../../context.ts";
import { memberGroup } from "../../core/members/plan.ts";
import { groupNameOf, programNameOf } from "../../core/section.ts";
import { errnoOf } from "../../io/files.ts";
import { readSupervisorConfig } from "../../io/supervisor/sections.ts";
import type { LogStream } from "../../io/supervisor/supervisor.ts";
import { bySectionName, sectionOf } from "../../io/supervisor/supervisor-sections.ts";
import type { ProgramPlan } from "../../wire/plan.ts";

export interface LogFile {
  readonly stream: LogStream;
  readonly path: string;
}

/** Empty: the config does not say. */
export function logFilesByConfig({ supervisor }: HostContext, program: ProgramPlan): LogFile[] {
  const { configPath } = supervisor.address;
  // Each member has a log of its own, and which of them there are only supervisord knows.
  if (configPath === undefined || memberGroup(program) !== undefined) return [];
  const config = readSupervisorConfig(configPath, process.env);
  const sections = bySectionName(config);
  const values = sectionOf(program, sections)?.values;
  if (values === undefined) return [];
  const folder = sections.get("supervisord")?.values.get("childlogdir") ?? tmpdir();
  const streams: readonly LogStream[] = /^(?:true|yes|on|1)$/i.test(values.get("redirect_stderr") ?? "")
    ? ["stdout"]
    : ["stdout", "stderr"];
  return streams.flatMap((stream): LogFile[] => {
    const path = fileOf(program, stream, values.get(`${stream}_logfile`) ?? "AUTO", folder);
    return path === undefined ? [] : [{ stream, path }];
  });
}

function fileOf(program: ProgramPlan, stream: LogStream, written: string, folder: string): string | undefined {
  if (/^none$/i.test(written)) return undefined;
  if (/^auto$/i.test(written)) return newestAuto(folder, `${programNameOf(program)}-${stream}---`);
  const path = written
    .replaceAll("%(program_name)s", programNameOf(program))
    .replaceAll("%(group_name)s", groupNameOf(program));
  return path.startsWith("/") && !path.includes("%(") ? path.replaceAll("%%", "%") : undefined;
}

function newestAuto(folder: string, start: string): string | undefined {
  try {
    const found = readdirSync(folder)
      .filter((name) => name.startsWith(start) && name.endsWith(".log"))
      .map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }));
    return found.sort((a, b) => b.at - a.at)[0]?.path;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
