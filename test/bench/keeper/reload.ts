/**
 * From the signal to the first answer of the new release on a fresh connection: a library under the keeper, beside the
 * same library that gets the signal itself, without supervisor. Where the keeper is all that there is (`socket`), alone.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { type Figure, type Row, rowOf } from "../../../scripts/bench-result.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/rig.ts";
import { buildSample, SAMPLE_BINARY, type SampleName } from "../../support/samples.ts";
import { inTurns, type Side } from "../turns.ts";
import { flip, keptHost } from "./host.ts";

const ROUNDS = 9;
const LIBRARIES = [
  { sample: "go-grace", by: "SIGUSR2" },
  { sample: "go-endless", by: "SIGHUP" },
  { sample: "go-gracehttp", by: "SIGUSR2" },
  { sample: "go-tableflip", by: "SIGHUP" },
  { sample: "go-reuseport", by: "SIGUSR2" },
  { sample: "go-graceful-url", by: "GET" },
] as const satisfies readonly { readonly sample: SampleName; readonly by: NodeJS.Signals | "GET" }[];
const SOCKET_PROGRAMS = ["go-listenfds", "node-listenfds"] as const satisfies readonly SampleName[];
const MARK = "ZDR_BENCH";

type Release = "v1" | "v2";

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
  for (const { sample, by } of LIBRARIES) {
    await kept(sample, by, async (underKeeper) => {
      await alone(sample, by, async (byItself) => {
        const sides = [sideOf("under the keeper", underKeeper), sideOf("the library alone", byItself)] as const;
        rows.push(
          rowOf(`${sample}: from the signal to the first answer of the new release`, await inTurns(sides, ROUNDS)),
        );
      });
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
  await keptHost(sample, async (host) => {
    const pid = await host.keeperPid();
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
  const child = spawn(join(folder, "current", SAMPLE_BINARY[sample]), ["-addr", `127.0.0.1:${port}`], {
    ...{ cwd: run, stdio: "ignore", env: { ...process.env, [MARK]: folder } },
  });
  try {
    child.on("error", () => {});
    await eventually(async () => (await releaseAt(port)) === "v1", { name: `${sample} serves by itself` });
    await work({
      port,
      reload: async (to) => {
        const [pid = 0] = await living(mark);
        await flip(folder, sample, to);
        return ask(pid, by, port);
      },
      rested: () => oneLeft(mark, 0),
    });
  } finally {
    for (const pid of await living(mark)) process.kill(pid, "SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function oneLeft(mark: string, except: number): Promise<void> {
  await eventually(async () => (await living(mark)).filter((pid) => pid !== except).length === 1, {
    name: "one generation is left",
    timeoutMs: 60_000,
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
