/** What supervisord read last of each program's section, in the shape that the lints take. */
import type { Layout } from "../../core/layout.ts";
import { tellMembers } from "../../core/members/group.ts";
import { memberGroup } from "../../core/members/plan.ts";
import type { ConfigInfo } from "../../core/section/facts.ts";
import { ShapeError } from "../../core/supervisor/process-info.ts";
import type { RpcStruct } from "../../core/supervisor/xml-rpc.ts";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { Supervisor } from "./supervisor.ts";

/** By supervisor's name of the process: `shop`, or `group:shop` where the two differ. Also of groups not yet added. */
export async function configInfos(supervisor: Pick<Supervisor, "getAllConfigInfo">): Promise<Map<string, ConfigInfo>> {
  const structs = await supervisor.getAllConfigInfo();
  return new Map(
    structs.map((struct) => [processName(text(struct, "group"), text(struct, "name")), configInfo(struct)]),
  );
}

/** A program's entry, of the first of its processes, how many it has, and what else stands in its group. */
export function configOf(
  program: ProgramPlan,
  layout: Layout,
  configs: ReadonlyMap<string, ConfigInfo>,
): { readonly config: ConfigInfo | undefined; readonly processes?: number; readonly others?: readonly string[] } {
  const group = memberGroup(program);
  if (group === undefined) return { config: configs.get(program.process) };
  const found = [...configs].filter(([name]) => name === group || name.startsWith(`${group}:`));
  const { own, others } = tellMembers(program, layout, found);
  return { config: own[0]?.[1], ...(own.length === 0 ? {} : { processes: own.length }), others };
}

/** supervisor/options.py, make_namespec. */
export function processName(group: string, name: string): string {
  return group === name ? name : `${group}:${name}`;
}

function configInfo(struct: RpcStruct): ConfigInfo {
  return {
    command: text(struct, "command"),
    directory: text(struct, "directory"),
    autostart: flag(struct, "autostart"),
    startsecs: number(struct, "startsecs"),
    stopwaitsecs: number(struct, "stopwaitsecs"),
    stopsignal: number(struct, "stopsignal"),
    killasgroup: flag(struct, "killasgroup"),
    stdout_logfile: text(struct, "stdout_logfile"),
    stderr_logfile: text(struct, "stderr_logfile"),
  };
}

function text(struct: RpcStruct, member: string): string {
  const value = struct[member];
  if (typeof value !== "string") throw new ShapeError(`${member} is no text`);
  return value;
}

function number(struct: RpcStruct, member: string): number {
  const value = struct[member];
  if (typeof value !== "number") throw new ShapeError(`${member} is no number`);
  return value;
}

function flag(struct: RpcStruct, member: string): boolean {
  const value = struct[member];
  if (typeof value !== "boolean") throw new ShapeError(`${member} is no boolean`);
  return value;
}
