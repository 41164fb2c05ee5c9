/** supervisord's structs as the wire's ProcessInfo. Checked by hand: `status` on a host then needs no zod at all. */
import type { ProcessInfo } from "../../wire/program.ts";
import type { RpcStruct, RpcValue } from "./xml-rpc.ts";
import { isStruct } from "./xml-rpc.ts";

/** What supervisord sent is not what its source says it sends. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** One getProcessInfo struct (rpcinterface.py). Throws ShapeError. */
export function processInfoOf(value: RpcValue | undefined): ProcessInfo {
  const struct = structOf(value);
  return {
    name: text(struct, "name"),
    group: text(struct, "group"),
    state: int(struct, "state"),
    statename: text(struct, "statename"),
    description: text(struct, "description"),
    pid: int(struct, "pid"),
    start: int(struct, "start"),
    stop: int(struct, "stop"),
    now: int(struct, "now"),
    spawnerr: text(struct, "spawnerr"),
    exitstatus: int(struct, "exitstatus"),
    stdout_logfile: text(struct, "stdout_logfile"),
    stderr_logfile: text(struct, "stderr_logfile"),
  };
}

/** Throws ShapeError. */
export function structOf(value: RpcValue | undefined): RpcStruct {
  if (!isStruct(value)) throw new ShapeError("no struct where one belongs");
  return value;
}

/** Throws ShapeError. */
export function listOf(value: RpcValue | undefined): readonly RpcValue[] {
  if (!Array.isArray(value)) throw new ShapeError("no list where one belongs");
  return value;
}

/** Throws ShapeError. */
export function textOf(value: RpcValue | undefined): string {
  if (typeof value !== "string") throw new ShapeError("no text where some belongs");
  return value;
}

function text(struct: RpcStruct, member: string): string {
  const value = struct[member];
  if (typeof value !== "string") throw new ShapeError(`no text in ${member}`);
  return value;
}

function int(struct: RpcStruct, member: string): number {
  const value = struct[member];
  if (typeof value !== "number") throw new ShapeError(`no number in ${member}`);
  return value;
}
