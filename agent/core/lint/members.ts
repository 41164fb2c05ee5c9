/** `[fcgi-program:x]`: supervisord opens the socket, and gives it to each process at fd 0 (process.py, FastCGISubprocess). */
import { posix } from "node:path";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import type { ProcessView } from "../generation.ts";
import { isKept } from "../presets.ts";
import { type Rule, refuse, warn } from "./subject.ts";

const SHELLS = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash"]);

/**
 * Whoever holds the socket beside supervisor's own child keeps the address in use: where supervisord then opens the socket
 * again, to start that child anew, it does not expect to be refused, and ends (Supervisor#1567).
 */
const heldSocket: Rule = ({ program, facts }) => {
  if (facts.socket === undefined || facts.socket === "") return [];
  if (isKept(program)) {
    const text = "a keeper in an [fcgi-program:…] leaves the socket to processes of which supervisord knows nothing";
    return [refuse("fcgi-keeper", text, "make it a [program:…], or choose reload: bluegreen")];
  }
  const [first = "", option = "", script = ""] = facts.words ?? [];
  if (SHELLS.has(posix.basename(first)) && /^-\w*c$/.test(option) && !/(^|[\s;&])exec\s/.test(script)) {
    const text = "a shell stands between supervisord and the program, which holds the socket when the shell has gone";
    return [refuse("fcgi-shell", text, "begin the script's last command with exec")];
  }
  if (/^node(?:js)?$/.test(posix.basename(first))) return [nodeFinding(program)];
  if (program.members !== undefined) return [];
  const text = "supervisord closes the socket of an [fcgi-program:…] with its last process";
  return [warn("fcgi-single", text, "give it two (numprocs=2) and reload: bluegreen")];
};

/**
 * Node puts the flags of its fds 0 to 2 back as it ends (src/node.cc, ResetStdio), and O_NONBLOCK is one of the open file, not
 * of the process: whoever then loses the race for a connection waits in accept(2) until another one comes, and does nothing else.
 */
function nodeFinding({ command }: ProgramPlan): LintFinding {
  const text =
    "as it ends, Node makes what it has at fd 0 blocking for all who share it: they stall until somebody connects";
  const fix = `command: /bin/sh -c 'LISTEN_FDS=1 exec "$@" 3<&0 0</dev/null' sh ${command.join(" ")}; and listen on fd 3`;
  return warn("fcgi-node", text, fix);
}

export const MEMBER_RULES: readonly Rule[] = [heldSocket];

/** What only a program that runs shows: children of its own that accept on supervisord's socket. */
export function workerFindings(program: ProgramPlan, processes: readonly ProcessView[]): LintFinding[] {
  if (program.members === undefined || program.listen === undefined) return [];
  const worker = processes.find((process) => process.accepts && !process.supervised);
  if (worker === undefined) return [];
  const text = `pid ${worker.pid} accepts on the socket that supervisord opened, and is a child of what supervisord started: if it is left over, supervisord ends`;
  return [
    refuse("fcgi-workers", text, "run it without workers of its own, and as more members instead (reload: rolling)"),
  ];
}
