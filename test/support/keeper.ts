/** A host for tests of the keeper alone: a supervisord, a deploy_to with releases, and run/shop.json, without the agent. */
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { KEEPER_NODE_FLAGS } from "../../agent/core/section.ts";
import type { KeptProgram } from "../../agent/keeper/spec.ts";
import { ControlReply } from "../../agent/keeper/wire.ts";
import { eventually } from "./eventually.ts";
import { textAt } from "./load/ask.ts";
import { freePort } from "./load/free-port.ts";
import type { Cleanup } from "./rig.ts";
import { type Supervisord, startSupervisord } from "./supervisord.ts";
import { userNamed } from "./users.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUNDLE = join(process.env.ZDR_DIST ?? join(ROOT, "dist"), "keeper.cjs");
const FIXTURES = join(ROOT, "test/fixtures/keeper");
/** Who the program, and so the keeper, runs as. */
const USER = "nobody";

/** What may be wrong with a release; the fixtures say what each means. */
export type Fault = "" | "crash" | "hang" | "slow-start" | "late-crash" | "deaf";

export interface KeeperRigOptions {
  readonly strategy: "handover" | "socket";
  /** More words for the program. */
  readonly words?: readonly string[];
  /** Over what the rig would write into run/shop.json. */
  readonly spec?: Partial<KeptProgram>;
  /** How the name of its folder begins. */
  readonly folder?: string;
  /** The Node that runs the keeper, and more words for it. */
  readonly node?: readonly string[];
  /** More lines for the supervisor section; `startretries=0` by default, so that what happens once is seen once. */
  readonly section?: string;
}

/** A conversation on keeper.sock. */
export interface ControlClient {
  /** Sends a request, and resolves with its last reply. */
  ask(verb: string, more?: Record<string, unknown>): Promise<ControlReply>;
  /** Sends a line as it is, and resolves with the next reply that belongs to no request. */
  say(line: string): Promise<ControlReply>;
  readonly replies: readonly ControlReply[];
  close(): void;
}

export interface KeeperRig {
  readonly dir: string;
  readonly port: number;
  readonly url: string;
  readonly supervisord: Supervisord;
  /** Makes a release and lets `current` name it. */
  flip(tag: string, fault?: Fault): Promise<void>;
  /** Writes run/shop.json anew with these keys. */
  respec(parts: Partial<KeptProgram>): Promise<void>;
  /** Body of a GET on a fresh connection. */
  get(path?: string): Promise<string>;
  control(): Promise<ControlClient>;
  /** State and pid, as supervisor tells them. */
  status(): Promise<{ readonly state: string; readonly pid: number }>;
  keeperPid(): Promise<number>;
  log(): Promise<string>;
  /** Resolves when a line of the program's log fits. */
  logged(pattern: RegExp): Promise<void>;
  signal(name: string): Promise<void>;
  /** Processes of the program that live, without the keeper, oldest first. */
  processes(): Promise<readonly number[]>;
}

/** Starts supervisord, which starts the keeper with release v1, and returns when v1 answers. */
export async function startKeeperRig(cleanup: Cleanup, options: KeeperRigOptions): Promise<KeeperRig> {
  const rig = await prepareKeeperRig(cleanup, options);
  await rig.flip("v1");
  await rig.supervisord.ctl(["start", "shop"]);
  await eventually(() => rig.get(), { name: "v1 answers" });
  return rig;
}

/** The same, without anything started. */
export async function prepareKeeperRig(cleanup: Cleanup, options: KeeperRigOptions): Promise<KeeperRig> {
  await access(BUNDLE).catch(() => {
    throw new Error("dist/keeper.cjs is missing: run npm run build first");
  });
  const cleaning: (() => Promise<unknown>)[] = [];
  cleanup.after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  const dir = await mkdtemp(join(tmpdir(), options.folder ?? "zdrk-"));
  cleaning.push(() => rm(dir, { recursive: true, force: true }));
  await chmod(dir, 0o755);
  const run = join(dir, "run/shop");
  await mkdir(run, { recursive: true });
  await mkdir(join(dir, "releases"));
  const user = await userNamed(USER);
  await chown(run, user.uid, user.gid);
  const bundle = join(dir, "keeper.cjs");
  await cp(BUNDLE, bundle);

  const port = await freePort();
  const logFile = join(dir, "shop.log");
  const supervisorDir = join(dir, "sv");
  await mkdir(supervisorDir);
  const { node = [process.execPath, ...KEEPER_NODE_FLAGS], section = "startretries=0" } = options;
  const supervisord = await startSupervisord({
    dir: supervisorDir,
    programs: `[program:shop]
command=${[...node, bundle, join(dir, "run/shop.json")].join(" ")}
directory=${dir}
user=${USER}
autostart=false
autorestart=unexpected
startsecs=1
stopwaitsecs=15
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=${logFile}
${section}
`,
  });
  cleaning.push(supervisord.stop);

  let spec = firstSpec(dir, port, options);
  const respec = async (parts: Partial<KeptProgram>) => {
    spec = { ...spec, ...parts };
    const file = join(dir, "run/shop.json");
    await writeFile(`${file}.new`, JSON.stringify(spec));
    await rename(`${file}.new`, file);
  };
  await respec({});

  const url = `http://127.0.0.1:${port}`;
  const log = () => readFile(logFile, "utf8").catch(() => "");
  const status = async () => {
    const { stdout } = await supervisord.ctl(["status", "shop"]);
    return { state: stdout.split(/\s+/)[1] ?? "", pid: Number(/pid (\d+)/.exec(stdout)?.[1] ?? 0) };
  };
  return {
    ...{ dir, port, url, supervisord, respec, status, log },
    flip: (tag, fault = "") => flip(dir, tag, fault, options.strategy),
    get: (path = "/") => textAt(`${url}${path}`),
    control: async () => {
      const client = await openClient(join(run, "keeper.sock"));
      cleaning.push(async () => client.close());
      return client;
    },
    keeperPid: async () => {
      const pid = Number((await supervisord.ctl(["pid", "shop"])).stdout);
      // To signal pid 0 would be to signal the test.
      if (!(pid > 1)) throw new Error("the keeper does not run");
      return pid;
    },
    logged: async (pattern) => {
      await eventually(async () => pattern.test(await log()), { name: `the log says ${pattern}` });
    },
    signal: async (name) => void (await supervisord.ctl(["signal", name, "shop"])),
    processes: () => markedPids(join(dir, "run/shop.json")),
  };
}

function firstSpec(dir: string, port: number, { strategy, words = [], spec }: KeeperRigOptions): KeptProgram {
  const current = join(dir, "current");
  const python = ["/usr/bin/python3", join(current, "handover.py"), "--port", `${port}`];
  const command = strategy === "handover" ? python : [process.execPath, join(current, "socket.mjs")];
  return {
    ...{ v: 1, program: "shop", current, command: [...command, ...words], environment: {}, cwd: dir, strategy },
    ...(strategy === "handover" ? { signal: "USR2" as const } : {}),
    ...{ drainMs: 5_000, readyMs: 5_000 },
    listen: strategy === "handover" ? [] : [{ name: "http", host: "127.0.0.1", port }],
    ...spec,
  };
}

async function flip(dir: string, tag: string, fault: Fault, strategy: "handover" | "socket"): Promise<void> {
  const release = join(dir, "releases", tag);
  const file = strategy === "handover" ? "handover.py" : "socket.mjs";
  await mkdir(release, { recursive: true });
  await cp(join(FIXTURES, file), join(release, file));
  await writeFile(join(release, "VERSION"), tag);
  await writeFile(join(release, "variant"), fault);
  const link = join(dir, "current");
  await symlink(join("releases", tag), `${link}.new`);
  await rename(`${link}.new`, link);
}

async function markedPids(specPath: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
      return environ.split("\0").includes(`ZDR_KEEPER=${specPath}`);
    }),
  );
  return pids.filter((_, index) => marked[index]);
}

function openClient(path: string): Promise<ControlClient> {
  const socket = connect(path);
  const replies: ControlReply[] = [];
  let lastId = 0;
  let failure: Error | undefined;
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    failure ??= new Error("the keeper closed the connection");
  });
  const lines = createInterface(socket);
  lines.on("error", () => {});
  lines.on("line", (line) => replies.push(ControlReply.parse(JSON.parse(line))));
  const answered = (id: number | null) =>
    eventually(
      () => {
        const found = replies.find((reply) => reply.id === id && reply.event !== "queued" && reply.event !== "started");
        if (found === undefined && failure !== undefined) return { failure };
        return found && { found };
      },
      { name: `the keeper answers request ${id}` },
    ).then((outcome) => {
      if ("failure" in outcome) throw outcome.failure;
      return outcome.found;
    });
  const client: ControlClient = {
    replies,
    ask(verb, more = {}) {
      const id = ++lastId;
      socket.write(`${JSON.stringify({ id, verb, ...more })}\n`);
      return answered(id);
    },
    say(line) {
      socket.write(`${line}\n`);
      return answered(null);
    },
    close: () => socket.destroy(),
  };
  return new Promise((resolve, reject) => {
    socket.on("connect", () => resolve(client));
    socket.on("error", reject);
  });
}
