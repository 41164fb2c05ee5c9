/** A real OpenSSH server of the test's own on loopback, with keys and an agent for its clients. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./load/free-port.ts";
import { newMark, run, runOk } from "./processes.ts";

export type KeyType = "ed25519" | "ecdsa" | "rsa";

export interface SshdOptions {
  /** Only this user may log in; absent: anybody with an authorized key. */
  readonly user?: string;
  /** Lines of authorized_keys, for every user. */
  readonly authorizedKeys: readonly string[];
  /** Lines for sshd_config; they win over the ones below. */
  readonly extraConfig?: readonly string[];
  /** What every session finds in its environment; root's home is an empty folder, others have their own. */
  readonly sessionEnv?: Readonly<Record<string, string>>;
  /** Of the host's own keys, in the order of its configuration; default: ed25519. */
  readonly keyTypes?: readonly KeyType[];
  /** To start a second server in the place of a first one; default: any free port. */
  readonly port?: number;
}

export interface HostKey {
  readonly type: KeyType;
  /** `ssh-ed25519 AAAA…` */
  readonly public: string;
  /** As ssh-keygen -l prints it. */
  readonly fingerprint: string;
}

export interface Sshd {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly pid: number;
  readonly hostKeys: readonly HostKey[];
  logText(): string;
  /** What known_hosts must hold; by default for all keys and this very port. */
  knownHostsLine(options?: { readonly type?: KeyType; readonly name?: string }): string;
  /** TCP connections so far. */
  connectionCount(): number;
  /** Session channels so far in which something was started. */
  channelCount(): number;
  /** Kills it and everything that was started through it. */
  stop(): Promise<void>;
}

export interface ClientKey {
  readonly path: string;
  /** The line for authorized_keys. */
  readonly public: string;
  readonly fingerprint: string;
}

/** setpriv becomes the program, so the pid is the program's own. */
const DIES_WITH_US = ["--pdeathsig", "TERM"];

export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const { authorizedKeys, keyTypes = ["ed25519"] } = options;
  // sshd(8): its privilege separation folder, which only root's needs.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const dir = await mkdtemp(join(tmpdir(), "zdr-sshd-"));
  await chmod(dir, 0o755); // authorized_keys is read with the rights of whoever logs in
  await mkdir(join(dir, "root"), { mode: 0o700 });
  const mark = newMark();
  let log = "";
  let child: ChildProcess | undefined;
  const stop = async () => {
    // Its processes write their titles over their environment, so only what they started carries the mark.
    if (child?.pid !== undefined) await killTree(child.pid);
    await mark.killAll();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const keys = await Promise.all(keyTypes.map((type, at) => makeKey({ type, dir, name: `host_${type}_${at}` })));
    const hostKeys = keys.map((key, i) => ({ ...key, type: keyTypes[i] ?? "ed25519" }));
    const port = options.port ?? (await freePort());
    await writeFile(join(dir, "authorized_keys"), authorizedKeys.map((line) => `${line}\n`).join(""), { mode: 0o644 });
    await writeFile(
      join(dir, "sshd_config"),
      configOf(options, dir, hostKeys, port, { ...options.sessionEnv, ...mark.env }),
    );
    // It starts itself anew for every connection, and only its absolute path can be started again.
    child = spawn("setpriv", [...DIES_WITH_US, "/usr/sbin/sshd", "-D", "-e", "-f", join(dir, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await listening(child, port, () => log);
    const name = `[127.0.0.1]:${port}`;
    return {
      host: "127.0.0.1",
      port,
      pid: child.pid ?? 0,
      hostKeys,
      logText: () => log,
      knownHostsLine: ({ type, name: as = name } = {}) =>
        hostKeys
          .filter((key) => type === undefined || key.type === type)
          .map((key) => `${as} ${key.public}\n`)
          .join(""),
      connectionCount: () => log.match(/^Connection from /gm)?.length ?? 0,
      channelCount: () => log.match(/^Starting session: /gm)?.length ?? 0,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configOf(
  { user, extraConfig = [] }: SshdOptions,
  dir: string,
  hostKeys: readonly { readonly path: string }[],
  port: number,
  sessionEnv: Readonly<Record<string, string>>,
): string {
  return [
    ...extraConfig,
    setEnv(sessionEnv),
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...hostKeys.map(({ path }) => `HostKey ${path}`),
    `PidFile ${dir}/sshd.pid`,
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    "LogLevel VERBOSE",
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    // Tests open many connections at once.
    "MaxStartups 100",
    ...(user === undefined ? [] : [`AllowUsers ${user}`]),
    // bash reads a .bashrc for every command that comes through ssh, and this machine's may do anything.
    "Match User root",
    setEnv({ ...sessionEnv, HOME: `${dir}/root` }),
    "",
  ].join("\n");
}

const setEnv = (variables: Readonly<Record<string, string>>) =>
  `SetEnv ${Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`;

async function listening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  let ended: string | undefined;
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("exit", (code) => {
    ended = `it ended with ${code}`;
  });
  await eventually(() => ended !== undefined || log().includes(`Server listening on 127.0.0.1 port ${port}.`), {
    name: "sshd listens",
  });
  if (ended !== undefined) throw new Error(`sshd did not start: ${ended}\n${log()}`);
}

/** Kills a process and all that descends from it. */
async function killTree(root: number): Promise<void> {
  for (const pid of [root, ...(await descendantsOf(root))]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

async function descendantsOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const children = text.split(" ").filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

let sharedFolder: string | undefined;

/** For keys that nobody named a folder for; gone when this process ends. */
function folderForKeys(): string {
  if (sharedFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "zdr-keys-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    sharedFolder = folder;
  }
  return sharedFolder;
}

let keyCount = 0;

export interface KeyOptions {
  readonly type: KeyType;
  readonly passphrase?: string;
  readonly dir?: string;
  readonly name?: string;
  /** As ssh-keygen's -m; PEM is the old format, which hides its public half. */
  readonly format?: "RFC4716" | "PEM";
}

/** A new key pair by ssh-keygen. */
export async function makeKey({ type, passphrase = "", dir, name, format }: KeyOptions): Promise<ClientKey> {
  const path = join(dir ?? folderForKeys(), name ?? `key_${++keyCount}`);
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  const kept = format === undefined ? [] : ["-m", format];
  await runOk(["ssh-keygen", "-q", "-t", type, ...bits, ...kept, "-N", passphrase, "-C", "zdr test", "-f", path]);
  const line = (await readFile(`${path}.pub`, "utf8")).trim();
  const fingerprint = (await runOk(["ssh-keygen", "-lf", `${path}.pub`])).split(" ")[1] ?? "";
  return { path, public: line.split(" ").slice(0, 2).join(" "), fingerprint };
}

export interface SshAgent {
  readonly socket: string;
  stop(): Promise<void>;
}

/** A real ssh-agent that holds these keys, which must have no passphrase. */
export async function startSshAgent(keys: readonly { readonly path: string }[]): Promise<SshAgent> {
  const dir = await mkdtemp(join(tmpdir(), "zdr-agent-"));
  const socket = join(dir, "agent.sock");
  const child = spawn("setpriv", [...DIES_WITH_US, "ssh-agent", "-D", "-a", socket], { stdio: "ignore" });
  const stop = async () => {
    child.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  };
  const env = { SSH_AUTH_SOCK: socket };
  try {
    // ssh-add(1): 2 means that it cannot contact the agent.
    await eventually(async () => (await run(["ssh-add", "-l"], { env })).code !== 2, { name: "ssh-agent answers" });
    for (const { path } of keys) await runOk(["ssh-add", "-q", path], { env });
    return { socket, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
