/**
 * `supervisorctl status`, byte for byte (supervisorctl.py, do_status and _show_statuses; the same in 3.2 to 4.3).
 *
 * - Unknown names are reported first, in their order; then the processes, in the order that they were asked for.
 * - The column is as wide as the longest name *printed*, counted in code points as Python does.
 * - The description is the server's own text: its clock, time zone and locale. Trailing blanks stay.
 */
import type { AgentFailure } from "../../wire/failure.ts";
import type { ProcessInfo } from "../../wire/program.ts";
import { codePoints, padToCodePoints, splitBlanks } from "./python-text.ts";

export interface StatusText {
  readonly stdout: string;
  readonly exit: number;
}

/** supervisorctl.py, LSBStatusExitStatuses: something that was printed is down; a name was unknown, or no server. */
const EXIT_NOT_RUNNING = 3;
const EXIT_UNKNOWN = 4;
const EXIT_GENERIC = 1;
/** states.py, STOPPED_STATES: STOPPED, EXITED, FATAL, UNKNOWN. BACKOFF and STARTING count as running. */
const STOPPED_STATES: ReadonlySet<number> = new Set([0, 100, 200, 1000]);
const NAME_COLUMN = 30;
const NAME_GAP = 3;
const STATE_COLUMN = 10;

/** supervisor's name for a process: `name`, or `group:name` where they differ (options.py, make_namespec). */
export function namespecOf(info: Pick<ProcessInfo, "group" | "name">): string {
  return info.group === info.name ? info.name : `${info.group}:${info.name}`;
}

/** The process's own name in such a name: `shop_00` of `shop:shop_00`, `shop` of `shop`. */
export const bareNameOf = (namespec: string): string => namespec.slice(namespec.indexOf(":") + 1);

/**
 * What `supervisorctl status ARGS…` prints when getAllProcessInfo says `infos`, and its exit code. Without names, or with
 * `all` among them, everything is listed.
 */
export function renderStatus(infos: readonly ProcessInfo[], args: readonly string[]): StatusText {
  // supervisorctl joins its arguments and splits them again, so one argument can hold several names or none.
  const names = splitBlanks(args.join(" "));
  const isAll = names.length === 0 || names.includes("all");
  const found = isAll ? [{ infos, complaint: "" }] : names.map((name) => lookUp(infos, name));
  const shown = found.flatMap((each) => each.infos);
  const complaints = found.map((each) => each.complaint).join("");
  const isDown = shown.some((info) => STOPPED_STATES.has(info.state));
  return {
    stdout: complaints + renderLines(shown),
    exit: isDown ? EXIT_NOT_RUNNING : complaints === "" ? 0 : EXIT_UNKNOWN,
  };
}

function lookUp(infos: readonly ProcessInfo[], name: string): { infos: readonly ProcessInfo[]; complaint: string } {
  const { group, process } = splitNamespec(name);
  const matching = infos.filter((info) => info.group === group && (process === undefined || info.name === process));
  if (matching.length > 0) return { infos: matching, complaint: "" };
  const complaint = process === undefined ? `${group}: ERROR (no such group)\n` : `${name}: ERROR (no such process)\n`;
  return { infos: [], complaint };
}

/** options.py, split_namespec: `group:*` and `group:` name a whole group. */
function splitNamespec(name: string): { group: string; process: string | undefined } {
  const colon = name.indexOf(":");
  if (colon === -1) return { group: name, process: name };
  const process = name.slice(colon + 1);
  return { group: name.slice(0, colon), process: process === "" || process === "*" ? undefined : process };
}

function renderLines(infos: readonly ProcessInfo[]): string {
  const names = infos.map(namespecOf);
  const width = names.reduce((widest, name) => Math.max(widest, codePoints(name)), NAME_COLUMN) + NAME_GAP;
  return infos
    .map((info, index) => {
      const name = padToCodePoints(names[index] ?? "", width);
      return `${name}${padToCodePoints(info.statename, STATE_COLUMN)}${info.description}\n`;
    })
    .join("");
}

/**
 * What supervisorctl prints, also on stdout, when it cannot ask. Its tails `: file: … line: …` name a place in an
 * installation and are left out. Undefined where it prints nothing of the kind (it hangs, or exits 2 with usage).
 */
export function renderStatusTrouble(url: string, failure: AgentFailure): StatusText | undefined {
  switch (failure.reason) {
    case "supervisor-not-found":
      return { stdout: `${url} refused connection\n`, exit: EXIT_UNKNOWN };
    case "supervisor-not-running":
      if (failure.code === "ENOENT") return { stdout: `${url} no such file\n`, exit: EXIT_UNKNOWN };
      if (failure.code === "ECONNREFUSED") return { stdout: `${url} refused connection\n`, exit: EXIT_UNKNOWN };
      return undefined;
    case "supervisor-not-permitted":
      return pythonError("PermissionError", "[Errno 13] Permission denied");
    case "supervisor-unauthorized": {
      const error = "<ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>";
      const { stdout, exit } = pythonError("xmlrpc.client.ProtocolError", error);
      return { stdout: `Server requires authentication\n${stdout}`, exit };
    }
    case "supervisor-shutting-down":
      return pythonError("xmlrpc.client.Fault", "<Fault 6: 'SHUTDOWN_STATE'>");
    case "supervisor-fault":
      return failure.code === 1 ? { stdout: NO_RPC_INTERFACE, exit: EXIT_UNKNOWN } : undefined;
    default:
      return undefined;
  }
}

const NO_RPC_INTERFACE =
  "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to " +
  "control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).\n";

function pythonError(type: string, text: string): StatusText {
  return { stdout: `error: <class '${type}'>, ${text}\n`, exit: EXIT_GENERIC };
}
