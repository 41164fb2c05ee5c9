/**
 * A host for one test, with everything real: a supervisord of its own, a deploy_to, an sshd where the test wants to come
 * through SSH, a deploy.yml, and the built zdr to run on it. All in one temporary folder; all gone after the test, also
 * after one that failed.
 */
import { spawn } from "node:child_process";
import { access, chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./load/free-port.ts";
import { type RunOptions, type RunResult, run } from "./processes.ts";
import { buildSample, type SampleName, type SampleOptions, sampleProgram } from "./samples.ts";
import { makeKey, type Sshd, type SshdOptions, startSshd } from "./sshd.ts";
import { type Supervisord, type SupervisordOptions, startSupervisord } from "./supervisord.ts";
import { userNamed } from "./users.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where `npm run build` puts the bundles; another folder, for tests of a build that is not to disturb others. */
export const DIST = process.env.ZDR_DIST ?? join(ROOT, "dist");
/** Compiled code is kept between runs here and not in the home of whoever runs the tests. */
const CACHE = join(ROOT, ".tmp/cache");

/** A test's context, or the hooks of a suite. */
export interface Cleanup {
  after(clean: () => Promise<void>): void;
}

export interface RigOptions {
  /** `local`: deploy.yml says `local`, and zdr works on this machine; `ssh`: through a private sshd. Default `local`. */
  readonly via?: "local" | "ssh";
  /** With `via: "ssh"`: which SSH carries it. Default: zdr's own. */
  readonly transport?: "builtin" | "openssh";
  /** Who deploys: the agent runs as this user, and deploy_to is its. Default: who runs the test. */
  readonly user?: string;
  readonly supervisord?: Omit<SupervisordOptions, "dir">;
  readonly sshd?: Omit<SshdOptions, "authorizedKeys"> & {
    /** Lets these in beside its own key. */
    readonly moreKeys?: readonly string[];
  };
  /** The host's Node, for the agent. Default: the one that runs the test. */
  readonly hostNode?: string;
  /** The folder of the bundles; default: what `npm run build` has made. */
  readonly dist?: string;
}

/** deploy.yml as data; what is not given stays as it was, or as the rig has set it. */
export type ConfigParts = Readonly<Record<string, unknown>>;

export interface ZdrOptions extends RunOptions {
  /** The Node that runs the CLI; default: the one that runs the test. */
  readonly node?: string;
}

/** A zdr that is still at work, for tests that disturb it. */
export interface RunningZdr {
  readonly pid: number;
  readonly done: Promise<RunResult>;
  /** What it has written so far. */
  said(): { readonly stdout: string; readonly stderr: string };
  kill(signal: NodeJS.Signals): void;
  /** As `head` does once it has enough: what zdr writes to stdout then is refused. */
  stopReading(): void;
}

export interface Rig {
  /** The temporary folder. */
  readonly dir: string;
  readonly deployTo: string;
  /** The folder of deploy.yml, in which zdr is run. */
  readonly project: string;
  readonly configPath: string;
  /** What zdr's environment differs in from the test's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly supervisord: Supervisord;
  /** Only with `via: "ssh"`. */
  readonly sshd: Sshd | undefined;
  /** Writes deploy.yml anew with these top-level keys; undefined takes one away. */
  configure(parts: ConfigParts): Promise<void>;
  /** Makes a sample what is deployed next: builds it and points build.path there. */
  useSample(name: SampleName, sample: SampleOptions): Promise<string>;
  /** deploy.yml for one sample program named `shop` on a free port, with more keys for it and for its health check. */
  addSample(
    name: SampleName,
    more?: ConfigParts,
    health?: ConfigParts,
    isLaunched?: boolean,
  ): Promise<{ readonly port: number; readonly url: string; readonly program: ConfigParts }>;
  /** Runs zdr to its end in the project's folder. */
  zdr(args: readonly string[], options?: ZdrOptions): Promise<RunResult>;
  /** Starts zdr; killed after the test if it still runs. */
  startZdr(args: readonly string[], options?: ZdrOptions): RunningZdr;
}

/** Does every step, in order, whatever becomes of those before; the first failure is thrown at the end. */
async function inOrder(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

export async function startRig(cleanup: Cleanup, options: RigOptions = {}): Promise<Rig> {
  const { via = "local", hostNode = process.execPath, dist = DIST } = options;
  const zdrProgram = join(dist, "zdr.cjs");
  await requireBuild(zdrProgram);
  const cleaning: (() => Promise<unknown>)[] = [];
  cleanup.after(() => inOrder(cleaning.reverse()));

  // zdr makes its cache in a home that is there, and no home.
  await mkdir(dirname(CACHE), { recursive: true });
  const dir = await mkdtemp(join(tmpdir(), "zdr-"));
  // A local agent may outlive its zdr for a moment.
  cleaning.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  await chmod(dir, 0o755); // other users have something to look for in it
  const user = options.user === undefined ? undefined : await userNamed(options.user);
  const [deployTo, project, home] = ["web", "project", "home"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [deployTo, project, home]) {
    await mkdir(folder);
    if (user !== undefined) await chown(folder, user.uid, user.gid);
  }

  const supervisorDir = join(dir, "sv");
  await mkdir(supervisorDir);
  const supervisord = await startSupervisord({ ...options.supervisord, dir: supervisorDir });
  cleaning.push(supervisord.stop);

  const link = via === "ssh" ? await startLink(dir, options) : undefined;
  if (link !== undefined) cleaning.push(link.sshd.stop);

  const configPath = join(project, "deploy.yml");
  let config: ConfigParts = {
    project: "rig",
    deploy_to: deployTo,
    build: { path: "build" },
    node: hostNode,
    supervisor: { config: supervisord.configPath },
    ...(link === undefined ? { hosts: ["local"] } : link.config),
  };
  const configure = async (parts: ConfigParts) => {
    config = { ...config, ...parts };
    // JSON is YAML, and JSON.stringify leaves undefined out.
    await writeFile(configPath, `${JSON.stringify(config, null, 2)}\n`);
  };

  // With SSH the agent is the login user's anyway, and the CLI may be anybody's.
  const runner = via === "local" && user !== undefined ? { uid: user.uid, gid: user.gid } : {};
  const env = quietEnvironment(home);
  const surroundings = (zdrOptions: ZdrOptions = {}): RunOptions => ({
    cwd: project,
    ...runner,
    ...zdrOptions,
    env: { ...env, ...zdrOptions.env },
  });
  const command = (args: readonly string[], { node = process.execPath }: ZdrOptions = {}) =>
    [node, zdrProgram, ...args] as const;
  return {
    ...{ dir, deployTo, project, configPath, env, supervisord, sshd: link?.sshd, configure },
    useSample: async (name, sample) => {
      const path = await buildSample(name, sample);
      await configure({ build: { path } });
      return path;
    },
    addSample: async (name, more, health, isLaunched) => {
      const port = await freePort();
      const program = sampleProgram(name, port, isLaunched);
      const shop = { ...program, ...more, health: { ...program.health, ...health } };
      await configure({ programs: { shop } });
      return { port, url: `http://127.0.0.1:${port}`, program: shop };
    },
    zdr: (args, zdrOptions) => run([...command(args, zdrOptions)], surroundings(zdrOptions)),
    startZdr: (args, zdrOptions) => {
      const running = startCommand(command(args, zdrOptions), surroundings(zdrOptions));
      cleaning.push(async () => {
        running.kill("SIGKILL");
        await running.done;
      });
      return running;
    },
  };
}

async function requireBuild(program: string): Promise<void> {
  await access(program).catch(() => {
    throw new Error("dist/ is missing: run npm run build first");
  });
}

/** Nothing of whoever runs the tests may change what zdr does: no home, no ssh-agent, no CI around it. */
function quietEnvironment(home: string): Record<string, string | undefined> {
  const names = [
    "SSH_AUTH_SOCK",
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_WORKSPACE",
    "GITHUB_REF_TYPE",
    "GITHUB_REF_NAME",
    "CI_COMMIT_TAG",
    "GITLAB_CI",
    "CI_JOB_URL",
    "BUILD_URL",
  ];
  return {
    ...Object.fromEntries(names.map((name) => [name, undefined])),
    HOME: home,
    XDG_CACHE_HOME: CACHE,
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
  };
}

interface Link {
  readonly sshd: Sshd;
  readonly config: ConfigParts;
}

/** An sshd, a key that it lets in, and the lines of deploy.yml that use both. */
async function startLink(
  dir: string,
  { user, sshd: { moreKeys = [], ...sshdOptions } = {}, transport }: RigOptions,
): Promise<Link> {
  const folder = join(dir, "ssh");
  await mkdir(folder);
  const key = await makeKey({ type: "ed25519", dir: folder, name: "key" });
  const sshd = await startSshd({ ...sshdOptions, authorizedKeys: [key.public, ...moreKeys] });
  const knownHosts = join(folder, "known_hosts");
  await writeFile(knownHosts, sshd.knownHostsLine());
  const login = user ?? userInfo().username;
  return {
    sshd,
    config: {
      hosts: [{ name: "web1", address: sshd.host, port: sshd.port, user: login }],
      ssh: { key: key.path, known_hosts: knownHosts, transport },
    },
  };
}

export function startCommand(command: readonly [string, ...string[]], options: RunOptions): RunningZdr {
  const [file, ...args] = command;
  const { cwd, env, uid, gid } = options;
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const done = new Promise<RunResult>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, ...output }));
  });
  done.catch(() => {});
  return {
    pid: child.pid ?? 0,
    done,
    said: () => ({ ...output }),
    kill: (signal) => void child.kill(signal),
    stopReading: () => void child.stdout.destroy(),
  };
}

/** The Node 18 that scripts/setup.sh fetches for the agent, the oldest that hosts may have. */
export function node18(): Promise<string> {
  return fetchedNode(".node18");
}

/** A Node that is too old for the agent. */
export function node16(): Promise<string> {
  return fetchedNode(".node16");
}

async function fetchedNode(folder: string): Promise<string> {
  const path = join(ROOT, folder, `node_modules/node-linux-${process.arch}/bin/node`);
  await access(path).catch(() => {
    throw new Error(`${dirname(path)} is missing: run scripts/setup.sh test first`);
  });
  return path;
}
