/**
 * From the signal to the first answer of the new release on a fresh connection: as a deploy sets it up under supervisord, beside
 * the same program that gets the signal by itself, without supervisor. Where the keeper is all that there is (`socket`), alone.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { type Figure, type Row, rowOf } from "../../../scripts/bench-result.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/load/free-port.ts";
import { killQuietly } from "../../support/processes.ts";
import { buildSample, type SampleName, sampleProgram } from "../../support/samples.ts";
import { inTurns, type Side } from "../turns.ts";
import { flip, reloadHost } from "./host.ts";

const ROUNDS = 9;
const LIBRARIES = [
  { sample: "go-grace", by: "SIGUSR2" },
  { sample: "go-endless", by: "SIGHUP" },
  { sample: "go-gracehttp", by: "SIGUSR2" },
  { sample: "go-tableflip", by: "SIGHUP" },
  { sample: "go-reuseport", by: "SIGUSR2" },
  { sample: "go-graceful-url", by: "GET" },
] as const satisfies readonly { readonly sample: SampleName; readonly by: NodeJS.Signals | "GET" }[];
/** Masters that stay, and replace their children: no keeper stands in between. */
const MASTERS = [
  { sample: "go-overseer", by: "SIGUSR2", children: 1 },
  { sample: "gunicorn", by: "SIGHUP", children: 2 },
] as const satisfies readonly { readonly sample: SampleName; readonly by: NodeJS.Signals; readonly children: number }[];
/** As `zdr setup` has it in the section. */
const OWN_ENVIRONMENT: Readonly<Partial<Record<SampleName, NodeJS.ProcessEnv>>> = {
  "go-overseer": { GODEBUG: "asyncpreemptoff=1" },
};
const SOCKET_PROGRAMS = ["go-listenfds", "node-listenfds"] as const satisfies readonly SampleName[];
const PATIENCE = { timeoutMs: 60_000 };
const MARK = "ZDR_BENCH";

type Release = "v1" | "v2";

interface Flippable {
  readonly port: number;
  flip(to: Release): Promise<void>;
}

/** A program between two releases. */
interface Reloadable {
  readonly port: number;
  /** Flips, asks, and resolves with the moment of asking. */
  reload(to: Release): Promise<number>;
  /** Resolves when only one generation is left. */
  rested(): Promise<void>;
}

export async function measureReload(): Promise<{ readonly rows: Row[]; readonly figures: Figure[] }> {
  const rows: Row[] = [];
  const figures: Figure[] = [];
  const measure = async (sample: SampleName, sides: readonly [Side, Side]) => {
    rows.push(rowOf(`${sample}: from the signal to the first answer of the new release`, await inTurns(sides, ROUNDS)));
  };
  for (const { sample, by } of LIBRARIES) {
    await kept(sample, by, async (underKeeper) => {
      await alone(sample, by, (byItself) =>
        measure(sample, [sideOf("under the keeper", underKeeper), sideOf("the library alone", byItself)]),
      );
    });
  }
  for (const { sample, by, children } of MASTERS) {
    await reloadHost(sample, async (host) => {
      const supervised = master(await host.supervisedPid(), by, children, host);
      await alone(sample, by, (byItself) =>
        measure(sample, [sideOf("under supervisord", supervised), sideOf("by itself", byItself)]),
      );
    });
  }
  for (const sample of SOCKET_PROGRAMS) {
    await kept(sample, "SIGHUP", async (program) => {
      const [{ medianMs }] = await inTurns([sideOf("keeper", program)] as const, ROUNDS);
      figures.push({ what: `${sample}, sockets from the keeper: the same`, value: medianMs, unit: "ms" });
    });
  }
  return { rows, figures };
}

function sideOf(name: string, program: Reloadable): Side {
  let serves: Release = "v1";
  return {
    name,
    async run() {
      const next: Release = serves === "v1" ? "v2" : "v1";
      await program.rested();
      const askedAt = await program.reload(next);
      while ((await releaseAt(program.port)) !== next);
      serves = next;
      return performance.now() - askedAt;
    },
  };
}

/** Who answers on a connection of its own; a connection that is refused or reset is nobody. */
function releaseAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/version", agent: false }, (response) => {
      response.on("end", () => resolve(String(response.headers["x-release"]))).on("error", () => resolve(undefined));
      response.resume();
    }).on("error", () => resolve(undefined));
  });
}

/** Asks a process, or the program itself by its URL, and gives the moment. */
function ask(pid: number, by: NodeJS.Signals | "GET", port: number): number {
  const at = performance.now();
  if (by === "GET")
    get({ host: "127.0.0.1", port, path: "/graceful", agent: false }, (r) => r.resume()).on("error", () => {});
  else process.kill(pid, by);
  return at;
}

async function kept(
  sample: SampleName,
  by: NodeJS.Signals | "GET",
  work: (program: Reloadable) => Promise<void>,
): Promise<void> {
  await reloadHost(sample, async (host) => {
    const pid = await host.supervisedPid();
    await work({
      port: host.port,
      reload: async (to) => {
        await host.flip(to);
        return ask(pid, by, host.port);
      },
      rested: async () => {
        await oneLeft(`ZDR_CURRENT=${host.rig.deployTo}/current`, pid);
        // It looks for the end of what is not its own child once a second.
        await eventually(() => knownGenerations(host.rig.deployTo) === 1, { name: "the keeper knows as well" });
      },
    });
  });
}

/** `children`: of one generation. */
function master(pid: number, by: NodeJS.Signals, children: number, { port, flip: flipTo }: Flippable): Reloadable {
  return {
    port,
    reload: async (to) => {
      await flipTo(to);
      return ask(pid, by, port);
    },
    rested: async () => {
      await eventually(() => childrenOf(pid).length === children, { name: "the old children have left", ...PATIENCE });
    },
  };
}

/** A child stands with the thread that forked it (proc(5)), and Go forks in any. */
function childrenOf(pid: number): string[] {
  const listed = (thread: string) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => listed(thread).split(" ").filter(Boolean));
}

function knownGenerations(deployTo: string): number {
  const text = readFileSync(join(deployTo, "run/shop/keeper.json"), "utf8");
  return (JSON.parse(text) as { generations: unknown[] }).generations.length;
}

async function alone(
  sample: SampleName,
  by: NodeJS.Signals | "GET",
  work: (program: Reloadable) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp("/dev/shm/zdr-alone-");
  const run = join(folder, "run/shop");
  await mkdir(run, { recursive: true });
  for (const release of ["v1", "v2"]) {
    await cp(await buildSample(sample, { release }), join(folder, "releases", release), { recursive: true });
  }
  await flip(folder, sample, "v1");
  const port = await freePort();
  const mark = `${MARK}=${folder}`;
  const [program = "", ...args] = ownCommand(sample, folder, port);
  const child = spawn(program, args, {
    ...{ cwd: run, stdio: "ignore", env: { ...process.env, ...OWN_ENVIRONMENT[sample], [MARK]: folder } },
  });
  try {
    child.on("error", () => {});
    await eventually(async () => (await releaseAt(port)) === "v1", { name: `${sample} serves by itself` });
    const flipTo = (release: Release) => flip(folder, sample, release);
    const successor: Reloadable = {
      port,
      reload: async (to) => {
        const [pid = 0] = await living(mark);
        await flipTo(to);
        return ask(pid, by, port);
      },
      rested: () => oneLeft(mark, 0),
    };
    const stays = MASTERS.find((entry) => entry.sample === sample);
    await work(stays ? master(child.pid ?? 0, stays.by, stays.children, { port, flip: flipTo }) : successor);
  } finally {
    for (const pid of await living(mark)) killQuietly(pid);
    await rm(folder, { recursive: true, force: true });
  }
}

/** As deploy.yml would have it, with its paths filled in. */
function ownCommand(sample: SampleName, folder: string, port: number): string[] {
  const current = join(folder, "current");
  if (sample === "go-overseer") return [join(folder, "run/shop/shop"), "-addr", `127.0.0.1:${port}`];
  const [program = "", ...args] = sampleProgram(sample, port).command.replaceAll("{current}", current).split(" ");
  return [program.startsWith("/") ? program : join(current, program), ...args];
}

async function oneLeft(mark: string, except: number): Promise<void> {
  await eventually(async () => (await living(mark)).filter((pid) => pid !== except).length === 1, {
    name: "one generation is left",
    ...PATIENCE,
  });
}

/** Pids of processes whose environment holds this variable. */
async function living(mark: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (environment.split("\0").includes(mark)) found.push(pid);
  }
  return found;
}
