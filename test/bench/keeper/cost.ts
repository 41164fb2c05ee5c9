/** What a keeper costs its program: nothing in the path of a request, and so much of the host while nothing happens. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Figure, type Row, rowOf, type Samples } from "../../../scripts/bench-result.ts";
import { eventually } from "../../support/eventually.ts";
import { answerAt } from "../../support/load/ask.ts";
import { freePort } from "../../support/load/free-port.ts";
import { runOk } from "../../support/processes.ts";
import { buildSample, SAMPLE_BINARY } from "../../support/samples.ts";
import { inTurns, type Side, samplesOf } from "../turns.ts";
import { type ReloadHost, reloadHost } from "./host.ts";

const CLIENT = fileURLToPath(new URL("../client", import.meta.url));
const ROUNDS = 7;
/** Equal but for what the machine does besides. */
const LIMIT = 1.1;
/** Of one request in a hundred that is true only roughly. */
const SLOWEST_LIMIT = 1.25;
const IDLE_MS = 10_000;
/** A bare Node 24 has 8. */
const MEMORY_LIMIT_MB = 14;
/** It has nothing to do; what V8 tidies up now and then is not its own. */
const IDLE_LIMIT_MS = 5;

const LOADS = [
  { what: "40,000 requests over 32 kept-alive connections", requests: 40_000, words: ["-connections=32"] },
  { what: "4,000 requests, each on a connection of its own", requests: 4_000, words: ["-connections=16", "-fresh"] },
] as const;

interface Answered {
  readonly ms: number;
  readonly p99Ms: number;
}

export async function measureKeeperCost(): Promise<{ readonly rows: Row[]; readonly figures: Figure[] }> {
  const folder = await mkdtemp("/dev/shm/zdr-client-");
  const client = join(folder, "client");
  const rows: Row[] = [];
  const figures: Figure[] = [];
  try {
    await runOk(["go", "build", "-o", client, "."], { cwd: CLIENT, env: { CGO_ENABLED: "0" }, timeoutMs: 300_000 });
    for (const sample of ["go-listenfds", "go-grace"] as const) {
      await reloadHost(sample, async (host) => {
        const direct = await startDirect(host);
        for (const { what, requests, words } of LOADS) {
          const found = await compare(client, host.port, direct, [`-requests=${requests}`, ...words]);
          rows.push(rowOf(`${sample}: ${what}`, found.took, { limit: LIMIT }));
          rows.push(rowOf(`${sample}: 99 of 100 of these (p99)`, found.slowest, { limit: SLOWEST_LIMIT }));
          figures.push(...found.took.map((side) => rateOf(`${sample}: ${what}, ${side.name}`, requests, side)));
        }
        figures.push(...(await idleCost(host)));
      });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { rows, figures };
}

/** The same binary under the same supervisord, without a keeper. Gives its port. */
async function startDirect({ rig, sample }: ReloadHost): Promise<number> {
  const port = await freePort();
  const binary = join(await buildSample(sample, { release: "v1" }), SAMPLE_BINARY[sample]);
  await rig.supervisord.addProgram("direct", `[program:direct]\ncommand=${binary} -addr 127.0.0.1:${port}\n`);
  await rig.supervisord.ctl(["update", "direct"]);
  await eventually(async () => (await answerAt(`http://127.0.0.1:${port}/healthz`)).status === 200, {
    name: "it serves directly",
  });
  return port;
}

async function compare(client: string, kept: number, direct: number, words: readonly string[]) {
  const slowest = new Map<string, number[]>();
  const side = (name: string, port: number): Side => ({
    name,
    run: async (round) => {
      const text = await runOk([client, `-addr=127.0.0.1:${port}`, ...words], { timeoutMs: 300_000 });
      const { ms, p99Ms } = JSON.parse(text) as Answered;
      if (round > 0) slowest.set(name, [...(slowest.get(name) ?? []), p99Ms]);
      return ms;
    },
  });
  const took = await inTurns([side("under the keeper", kept), side("directly under supervisor", direct)], ROUNDS);
  const [keptSlow, directSlow] = took.map(({ name }) => samplesOf(name, slowest.get(name) ?? []));
  if (keptSlow === undefined || directSlow === undefined) throw new Error("nothing was measured");
  return { took, slowest: [keptSlow, directSlow] as const };
}

function rateOf(what: string, requests: number, { medianMs }: Samples): Figure {
  return { what, value: Math.round(requests / (medianMs / 1000)), unit: "requests/s" };
}

async function idleCost({ sample, supervisedPid }: ReloadHost): Promise<Figure[]> {
  const pid = await supervisedPid();
  // What the start left to do (garbage, the last look) is over when it has been quiet for a while.
  await sleep(IDLE_MS);
  const before = await runNanoseconds(pid);
  await sleep(IDLE_MS);
  const cpuMs = Math.round((await runNanoseconds(pid)) - before) / 1e6;
  const what = `${sample}: the keeper`;
  return [
    { what: `${what}, memory of its own`, value: await privateMegabytes(pid), unit: "MB", limit: MEMORY_LIMIT_MB },
    {
      what: `${what}, CPU time in 10 s without a reload`,
      value: Math.round(cpuMs * 10) / 10,
      unit: "ms",
      limit: IDLE_LIMIT_MS,
    },
  ];
}

/** sched_info in /proc/<pid>/schedstat: time on a CPU. */
async function runNanoseconds(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/schedstat`, "utf8")).split(" ")[0]);
}

async function privateMegabytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = [...text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 102.4) / 10;
}
