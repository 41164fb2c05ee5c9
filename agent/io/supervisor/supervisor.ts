/**
 * supervisord, asked over XML-RPC. Method names are supervisor's own (rpcinterface.py).
 *
 * Expected trouble comes as AgentError: supervisor-not-found, -not-running, -not-permitted, -unauthorized, -silent,
 * -shutting-down (fault 6), -answer (no XML-RPC), -fault (all other faults; `faultCode` tells them apart), and
 * bad-request for a name that XML cannot carry.
 *
 * startProcess and stopProcess never wait: while supervisord waits in a stop it spins at full CPU, and "started" after a
 * wait is no statement of health. Whoever needs to know polls.
 */
import { AgentError } from "../../core/failure.ts";
import { listOf, processInfoOf, ShapeError, structOf, textOf } from "../../core/supervisor/process-info.ts";
import type { RpcResponse, RpcStruct, RpcValue } from "../../core/supervisor/xml-rpc.ts";
import { decodeResponse, encodeCall, RpcSyntaxError, RpcUnsendableError } from "../../core/supervisor/xml-rpc.ts";
import type { ProcessInfo } from "../../wire/program.ts";
import type { ResolvedAddress } from "./supervisor-discovery.ts";
import type { SupervisorTimeouts } from "./transport.ts";
import { post, SUPERVISOR_TIMEOUTS } from "./transport.ts";

/** supervisor/xmlrpc.py, Faults. */
export const FAULT = {
  UNKNOWN_METHOD: 1,
  INCORRECT_PARAMETERS: 2,
  BAD_ARGUMENTS: 3,
  SHUTDOWN_STATE: 6,
  BAD_NAME: 10,
  BAD_SIGNAL: 11,
  NO_FILE: 20,
  NOT_EXECUTABLE: 21,
  FAILED: 30,
  ABNORMAL_TERMINATION: 40,
  SPAWN_ERROR: 50,
  ALREADY_STARTED: 60,
  NOT_RUNNING: 70,
  ALREADY_ADDED: 90,
  STILL_RUNNING: 91,
  CANT_REREAD: 92,
} as const;

/** What a read of the config would change, as group names. It is compared with what is active. */
export interface ConfigChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export type LogStream = "stdout" | "stderr";

export interface Supervisor {
  readonly address: ResolvedAddress;
  /** Always RUNNING where it answers at all: while shutting down it faults instead. */
  getState(): Promise<{ code: number; name: string }>;
  getPID(): Promise<number>;
  getSupervisorVersion(): Promise<string>;
  /** `name` or `group:name`. BAD_NAME for one that supervisor does not know. */
  getProcessInfo(process: string): Promise<ProcessInfo>;
  getAllProcessInfo(): Promise<ProcessInfo[]>;
  /** Returns once spawned, also when it dies at once, and in state STOPPING does nothing at all. */
  startProcess(process: string): Promise<void>;
  /** Returns once signalled. NOT_RUNNING in STOPPED, EXITED, FATAL, STOPPING and UNKNOWN. */
  stopProcess(process: string): Promise<void>;
  /** To the pid that supervisor holds, never its group. Success says nothing of delivery: a zombie counts too. */
  signalProcess(process: string, signal: string): Promise<void>;
  /** What stands in its log from so many bytes on. No answer where that is no text, or not so long. */
  readLog(process: string, stream: LogStream, offset: number): Promise<string>;
  /** Of its log now, in bytes; 0 where there is no file (supervisor/options.py, tailFile). */
  getLogSize(process: string, stream: LogStream): Promise<number>;
  /** Reads the config, also what other people have changed in it, and applies nothing. CANT_REREAD where it is bad. */
  reloadConfig(): Promise<ConfigChanges>;
  /** Starts its autostart programs at once. ALREADY_ADDED also where its config has changed since. */
  addProcessGroup(group: string): Promise<void>;
  /** STILL_RUNNING unless every member is STOPPED, EXITED, FATAL or UNKNOWN. */
  removeProcessGroup(group: string): Promise<void>;
  /** The config as last *read*, which need not be what runs. No environment in it. */
  getAllConfigInfo(): Promise<RpcStruct[]>;
}

export function openSupervisor(
  address: ResolvedAddress,
  timeouts: SupervisorTimeouts = SUPERVISOR_TIMEOUTS,
): Supervisor {
  const call = async <Result>(
    method: string,
    params: readonly RpcValue[],
    read: (value: RpcValue) => Result,
  ): Promise<Result> => {
    const name = `supervisor.${method}`;
    const answer = await post(address, encode(name, params), timeouts);
    if (answer.status === 401) throw new AgentError({ reason: "supervisor-unauthorized", url: address.url });
    if (answer.status !== 200) throw badAnswer(address, answer.statusLine);
    return readOrRefuse(address, () => read(resultOf(decodeResponse(answer.body), address, method)));
  };
  const act = (method: string, ...params: RpcValue[]) => call(method, params, () => undefined);
  return {
    address,
    getState: () => call("getState", [], stateOf),
    getPID: () => call("getPID", [], numberOf),
    getSupervisorVersion: () => call("getSupervisorVersion", [], textOf),
    getProcessInfo: (process) => call("getProcessInfo", [process], processInfoOf),
    getAllProcessInfo: () => call("getAllProcessInfo", [], (value) => listOf(value).map(processInfoOf)),
    startProcess: (process) => act("startProcess", process, false),
    stopProcess: (process) => act("stopProcess", process, false),
    signalProcess: (process, signal) => act("signalProcess", process, signal),
    readLog: (process, stream, offset) =>
      call(stream === "stdout" ? "readProcessStdoutLog" : "readProcessStderrLog", [process, offset, 0], textOf),
    getLogSize: (process, stream) => {
      const method = stream === "stdout" ? "tailProcessStdoutLog" : "tailProcessStderrLog";
      return call(method, [process, 0, 0], (value) => numberOf(listOf(value)[1]));
    },
    reloadConfig: () => call("reloadConfig", [], changesOf),
    addProcessGroup: (group) => act("addProcessGroup", group),
    removeProcessGroup: (group) => act("removeProcessGroup", group),
    getAllConfigInfo: () => call("getAllConfigInfo", [], (value) => listOf(value).map(structOf)),
  };
}

/** The code of a fault that supervisord answered with, to compare with FAULT; undefined for any other trouble. */
export function faultCode(error: unknown): number | undefined {
  return error instanceof AgentError && error.failure.reason === "supervisor-fault" ? error.failure.code : undefined;
}

function encode(method: string, params: readonly RpcValue[]): string {
  try {
    return encodeCall(method, params);
  } catch (error) {
    if (error instanceof RpcUnsendableError)
      throw new AgentError({ reason: "bad-request", detail: error.message }, error);
    throw error;
  }
}

function resultOf(response: RpcResponse, address: ResolvedAddress, method: string): RpcValue {
  if (response.ok) return response.value;
  if (response.code === FAULT.SHUTDOWN_STATE) {
    throw new AgentError({ reason: "supervisor-shutting-down", url: address.url });
  }
  // Of a config that it cannot expand, supervisord lists the names of its whole environment.
  const text = response.text.replace(/ Available names: .*/s, "");
  throw new AgentError({ reason: "supervisor-fault", method, code: response.code, text });
}

function readOrRefuse<Result>(address: ResolvedAddress, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof RpcSyntaxError || error instanceof ShapeError) throw badAnswer(address, error.message, error);
    throw error;
  }
}

function badAnswer(address: ResolvedAddress, detail: string, cause?: unknown): AgentError {
  return new AgentError({ reason: "supervisor-answer", url: address.url, detail }, cause);
}

function stateOf(value: RpcValue): { code: number; name: string } {
  const state = structOf(value);
  return { code: numberOf(state.statecode), name: textOf(state.statename) };
}

function numberOf(value: RpcValue | undefined): number {
  if (typeof value !== "number") throw new ShapeError("no number where one belongs");
  return value;
}

/** Three levels: `[[added, changed, removed]]`. */
function changesOf(value: RpcValue): ConfigChanges {
  const [added, changed, removed] = listOf(listOf(value)[0]).map((names) => listOf(names).map(textOf));
  if (added === undefined || changed === undefined || removed === undefined) throw new ShapeError("no three lists");
  return { added, changed, removed };
}
