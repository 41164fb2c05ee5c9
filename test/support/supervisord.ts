/**
 * A real supervisord of the test's own, in a folder of the test's own. Whatever it started is gone after `stop()`, also
 * what left its process group; and it ends by itself when the test's process dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chown, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { newMark, type RunResult, run } from "./processes.ts";
import { userNamed } from "./users.ts";

/** supervisor makes `<socket>.<pid>` first, and a unix socket's path ends at 107 bytes. */
const SOCKET_PATH_LIMIT = 95;

export interface SupervisordOptions {
  /** An existing folder; everything goes into it. Keep its path short: a socket lives there. */
  readonly dir: string;
  /** Who supervisord runs as; absent: who runs the test. */
  readonly user?: string;
  /** Octal, as supervisor wants it; default 0700. */
  readonly socketMode?: string;
  /** `user:group` of the socket. */
  readonly socketOwner?: string;
  /** Text of `[program:x]` sections, written to conf.d/programs.conf. */
  readonly programs?: string;
  /** An HTTP server on loopback beside the socket. */
  readonly inet?: { readonly port: number; readonly username?: string; readonly password?: string };
  /** More lines for [supervisord]. */
  readonly settings?: string;
  /** Password of the unix socket, with `username`. */
  readonly username?: string;
  readonly password?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Supervisord {
  readonly socket: string;
  readonly configPath: string;
  readonly confDir: string;
  readonly pid: number;
  /** The real supervisorctl, on this server. */
  ctl(args: readonly string[]): Promise<RunResult>;
  /** supervisord's own log. */
  log(): Promise<string>;
  /** All that its programs have written, but for what was rotated away. */
  programLogs(): Promise<string>;
  /** Living processes that it started, or that those started. */
  processes(): Promise<readonly number[]>;
  /** Adds a file to conf.d; `ctl(["update"])` makes it count. */
  addProgram(name: string, text: string): Promise<void>;
  /** Kills it and all that it started. May be called twice. */
  stop(): Promise<void>;
}

function configOf(options: SupervisordOptions): string {
  const { dir, socketMode = "0700", socketOwner, inet, settings = "", username, password } = options;
  const credentials = (user?: string, word?: string) =>
    user === undefined
      ? ""
      : `username=${user.replaceAll("%", "%%")}\npassword=${(word ?? "").replaceAll("%", "%%")}\n`;
  return `[unix_http_server]
file=${dir}/sv.sock
chmod=${socketMode}
${socketOwner === undefined ? "" : `chown=${socketOwner}\n`}${credentials(username, password)}
${inet === undefined ? "" : `[inet_http_server]\nport=127.0.0.1:${inet.port}\n${credentials(inet.username, inet.password)}`}
[supervisord]
nodaemon=true
logfile=${dir}/supervisord.log
pidfile=${dir}/supervisord.pid
childlogdir=${dir}/log
directory=${dir}
${settings}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://${dir}/sv.sock
${credentials(username, password)}
[include]
files = conf.d/*.conf
`;
}

/** Starts it and returns when it answers. */
export async function startSupervisord(options: SupervisordOptions): Promise<Supervisord> {
  const { dir } = options;
  const socket = join(dir, "sv.sock");
  const configPath = join(dir, "supervisord.conf");
  const confDir = join(dir, "conf.d");
  if (socket.length > SOCKET_PATH_LIMIT) throw new Error(`the path of supervisor's socket is too long: ${socket}`);
  for (const folder of [confDir, join(dir, "log")]) await mkdir(folder, { recursive: true });
  await writeFile(configPath, configOf(options));
  await writeFile(join(confDir, "programs.conf"), options.programs ?? "");
  const user = options.user === undefined ? undefined : await userNamed(options.user);
  if (user !== undefined) {
    for (const path of [dir, confDir, join(dir, "log")]) await chown(path, user.uid, user.gid);
  }

  const mark = newMark();
  // setpriv becomes supervisord, so the pid is supervisord's own; TERM reaches it even when the test is killed.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "supervisord", "-n", "-c", configPath], {
    env: { ...process.env, ...options.env, ...mark.env },
    stdio: ["ignore", "ignore", "pipe"],
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await mark.killAll();
  };
  const log = () => readFile(join(dir, "supervisord.log"), "utf8").catch(() => "");
  const ctl = (args: readonly string[]) => run(["supervisorctl", "-c", configPath, ...args]);
  try {
    await answered(child, ctl, log);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socket,
    configPath,
    confDir,
    pid: child.pid ?? 0,
    ctl,
    log,
    programLogs: () => readAll(join(dir, "log")),
    processes: async () => (await mark.pids()).filter((pid) => pid !== child.pid),
    addProgram: (name, text) => writeFile(join(confDir, `${name}.conf`), text),
    stop,
  };
}

async function readAll(folder: string): Promise<string> {
  const texts = (await readdir(folder)).sort().map((name) => readFile(join(folder, name), "utf8"));
  return (await Promise.all(texts)).join("");
}

async function answered(child: ChildProcess, ctl: Supervisord["ctl"], log: () => Promise<string>): Promise<void> {
  let complaint = "";
  let ended: string | undefined;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("close", (code) => {
    ended = `it ended with ${code}`;
  });
  await eventually(async () => ended !== undefined || Number((await ctl(["pid"])).stdout) === child.pid, {
    name: "supervisord answers",
  });
  if (ended !== undefined) throw new Error(`supervisord did not start: ${ended}\n${complaint}${await log()}`);
}
