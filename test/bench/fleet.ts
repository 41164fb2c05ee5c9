/**
 * A release of 34 MB on many hosts, against `tar | ssh tar` to all of them at once by the system's ssh; and a deploy of what is there
 * already. All hosts are on this machine and share its cores with both sides, so what either side's hosts do counts too.
 *
 * Of a deploy the time until the release is staged everywhere is measured: taking it into service is no part of what tar does.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Figure, type Row, rowOf } from "../../scripts/bench-result.ts";
import { type FleetRig, startFleet } from "../support/fixtures/fleet.ts";
import { type DelayProxy, startDelayProxy } from "../support/load/delay-proxy.ts";
import { makeBinaryBuild, stampBuild } from "./builds.ts";
import { type Command, inTurns, median, type Timing } from "./turns.ts";
import { timeWithUsage, type Usage } from "./usage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ZDR = join(process.env.ZDR_DIST ?? join(ROOT, "dist"), "zdr.cjs");
/** `BENCH_HOSTS=1,5,20`: fewer, where there is less time; 50 take a quarter of an hour. */
const COUNTS = (process.env.BENCH_HOSTS ?? "1,5,20,50").split(",").map(Number);
/** What the rows with this many hosts or more must keep to. */
const LIMITED_FROM = 20;
const LIMIT = 0.8;
const MEMORY_LIMIT_MB = 200;
const ROUND_TRIPS_MS = [0, 20, 80, 200] as const;
const FAR_HOSTS = 5;
const ROUNDS = 3;
const MOST = Math.max(...COUNTS);

interface Found {
  readonly rows: Row[];
  readonly figures: Figure[];
}

export async function measureFleet(): Promise<Found> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = "/dev/shm";
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    const fleet = await startFleet((clean) => void cleanUps.push(clean), { count: MOST });
    const bench = await prepare(fleet);
    const found: Found = { rows: [], figures: [] };
    for (const count of COUNTS) await measureCount(bench, count, found);
    for (const roundTripMs of ROUND_TRIPS_MS) await measureLine(bench, roundTripMs, found);
    return found;
  } finally {
    for (const clean of cleanUps.reverse()) await clean();
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

interface Bench {
  readonly fleet: FleetRig;
  readonly build: string;
  /** zdr on the first so many hosts. */
  zdr(count: number, ...args: string[]): Command;
}

async function prepare(fleet: FleetRig): Promise<Bench> {
  const build = join(fleet.dir, "build");
  await makeBinaryBuild(build);
  await stampBuild(build, "first");
  const { programs } = fleet.defaults;
  const shop = { ...programs.shop, health: { ...programs.shop.health, meter: 0 } };
  await fleet.configure({ build: { path: build }, keep: 1, programs: { shop } });
  const bench: Bench = {
    ...{ fleet, build },
    zdr: (count, ...args) => ({
      argv: [process.execPath, ZDR, ...args, "--host", `web[1:${count}]`],
      ...{ cwd: join(fleet.dir, "project"), env: { HOME: join(fleet.dir, "home"), NO_COLOR: "1" } },
    }),
  };
  await timeWithUsage(bench.zdr(MOST, "setup"));
  await timeWithUsage(bench.zdr(MOST, "deploy", "--tag", "first"));
  return bench;
}

let releases = 0;

async function measureCount(bench: Bench, count: number, { rows, figures }: Found): Promise<void> {
  const sent: Usage[] = [];
  const hand: Usage[] = [];
  const same: Usage[] = [];
  const hosts = count === 1 ? "1 host" : `${count} hosts`;
  let tag = "first";
  const sides = await inTurns(
    [
      {
        name: "zdr deploy, until it is staged",
        run: async () => {
          tag = `r${++releases}`;
          await stampBuild(bench.build, tag);
          const usage = await timeWithUsage(bench.zdr(count, "deploy", "--json", "--tag", tag));
          sent.push(usage);
          return stagedMs(usage);
        },
      },
      {
        name: "tar c | ssh host tar x, all at once",
        run: async () => {
          const usage = await timeWithUsage(byHand(bench, count));
          hand.push(usage);
          await Promise.all(
            bench.fleet.hosts.map(({ files }) => rm(join(files, "by-hand"), { recursive: true, force: true })),
          );
          return usage.ms;
        },
      },
      {
        name: "zdr deploy, nothing changed",
        run: async () => {
          const usage = await timeWithUsage(bench.zdr(count, "deploy", "--json", "--tag", tag));
          same.push(usage);
          return usage.ms;
        },
      },
    ],
    ROUNDS,
  );
  const [staged, tar, unchanged] = sides;
  const limits = count >= LIMITED_FROM ? { limit: LIMIT } : {};
  rows.push(rowOf(`34 MB to ${hosts}`, [staged, tar], limits));
  rows.push(rowOf(`the same again, nothing changed, ${hosts}`, [unchanged, tar], limits));
  const mb = (usages: readonly Usage[]) => Math.round(Math.max(...usages.map(({ peakBytes }) => peakBytes)) / 1e5) / 10;
  const cpu = (usages: readonly Usage[]) => median(usages.map(({ cpuMs }) => cpuMs));
  const memory = mb(sent);
  figures.push(
    { what: `${hosts}: memory of zdr`, value: memory, unit: "MB", limit: MEMORY_LIMIT_MB },
    { what: `${hosts}: CPU time of zdr for a whole deploy`, value: cpu(sent), unit: "ms" },
    { what: `${hosts}: CPU time of zdr for nothing changed`, value: cpu(same), unit: "ms" },
    { what: `${hosts}: CPU time of tar and ssh`, value: cpu(hand), unit: "ms" },
  );
}

/** Both sides over lines with this round trip. */
async function measureLine(bench: Bench, roundTripMs: number, { rows }: Found): Promise<void> {
  const { fleet } = bench;
  const proxies: DelayProxy[] = [];
  try {
    for (const port of fleet.ports().slice(0, FAR_HOSTS)) {
      proxies.push(await startDelayProxy({ target: { port }, oneWayMs: roundTripMs / 2 }));
    }
    await fleet.reachBy([...proxies.map(({ port }) => port), ...fleet.ports().slice(FAR_HOSTS)]);
    const one: Found = { rows: [], figures: [] };
    await measureCount(bench, FAR_HOSTS, one);
    for (const row of one.rows) rows.push({ ...row, what: `${row.what}, round trip ${roundTripMs} ms` });
  } finally {
    await fleet.reachBy();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }
}

function byHand({ fleet, build }: Bench, count: number): Command {
  const folder = join(fleet.dir, "host", "by-hand");
  const one = (name: string) =>
    `tar cf - -C ${build} . | ssh -F ${fleet.sshConfig} -o BatchMode=yes root@${name} 'mkdir -p ${folder} && tar xf - -C ${folder}' & pids="$pids $!"`;
  const names = fleet.hosts.slice(0, count).map(({ name }) => name);
  const script = ["pids=", ...names.map(one), "for pid in $pids; do wait $pid || exit 1; done"].join("\n");
  return { argv: ["sh", "-c", script], env: { HOME: tmpdir() } };
}

interface JsonEvent {
  readonly event: string;
  readonly phase?: string;
  readonly status?: string;
}

function stagedMs({ lines }: Timing): number {
  const staged = lines.filter(({ text }) => {
    const { event, phase, status } = JSON.parse(text) as JsonEvent;
    return event === "host-phase" && phase === "stage" && status === "done";
  });
  const last = staged.at(-1);
  if (last === undefined) throw new Error("the deploy did not say when it was staged");
  return last.atMs;
}
