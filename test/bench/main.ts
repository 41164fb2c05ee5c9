/**
 * `make bench`: measures zdr against what it takes the place of, prints what it finds, and writes it to results/*.json, from
 * which the tables in docs/performance.md are made. `node test/bench/main.ts tree disk` measures only these.
 *
 * The machine should have nothing else to do: both sides suffer from load, but not alike. Exits with 1 where a limit is missed.
 */
import { writeFile } from "node:fs/promises";
import { cpus, loadavg, release, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Figure, type Machine, misses, type Result, type Row } from "../../scripts/bench-result.ts";
import { run, runOk } from "../support/processes.ts";
import { measureColdStart } from "./cold-start.ts";
import { measureDisk } from "./disk.ts";
import { measureFleet } from "./fleet.ts";
import { measureKeeperCost } from "./keeper/cost.ts";
import { measureReload } from "./keeper/reload.ts";
import { measureStart } from "./start.ts";
import { measureTree } from "./tree.ts";
import { measureWholeDeploy } from "./whole-deploy.ts";

interface Found {
  readonly rows?: readonly Row[];
  readonly figures?: readonly Figure[];
}

const BENCHMARKS: Readonly<Record<string, () => Promise<Found>>> = {
  "cold-start": async () => ({ rows: await measureColdStart() }),
  start: async () => ({ rows: await measureStart() }),
  "whole-deploy": measureWholeDeploy,
  tree: async () => ({ rows: await measureTree() }),
  fleet: measureFleet,
  disk: async () => ({ figures: await measureDisk() }),
  keeper: measureKeeperCost,
  "keeper-reload": measureReload,
};

async function machine(): Promise<Machine> {
  const ssh = (await run(["ssh", "-V"])).stderr.trim();
  const rsync = (await runOk(["rsync", "--version"])).split("\n")[0] ?? "";
  return {
    measured: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    ssh: ssh.split(",")[0] ?? "",
    rsync: rsync.replace(/ +protocol.*/, ""),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function print({ rows, figures }: Result): void {
  for (const { what, zdr, byHand, ratio, limit, roundTrips } of rows) {
    const trips = roundTrips === undefined ? "" : `, ${roundTrips} round trips`;
    const verdict = limit === undefined ? "" : ` (at most ${limit}x: ${ratio > limit ? "MISSED" : "ok"})`;
    process.stdout.write(
      `${what}\n  ${zdr.name}: ${zdr.medianMs} ms   ${byHand.name}: ${byHand.medianMs} ms\n  ${ratio}x${verdict}${trips}\n`,
    );
  }
  for (const { what, value, unit } of figures) process.stdout.write(`${what}: ${value} ${unit}\n`);
}

/** As this repository's formatter has it, so that it can be committed as it is. */
async function writeResult(result: Result): Promise<void> {
  const path = join(import.meta.dirname, `results/${result.name}.json`);
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
  const biome = fileURLToPath(new URL("../../node_modules/@biomejs/biome/bin/biome", import.meta.url));
  await runOk([process.execPath, biome, "format", "--write", path]);
}

// It takes 30 ms of every start of Node, zdr's and the host's, and is a matter of this machine.
delete process.env.NODE_EXTRA_CA_CERTS;
delete process.env.SSH_AUTH_SOCK;
const asked = process.argv.slice(2);
for (const [name, measure] of Object.entries(BENCHMARKS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const facts = await machine();
  const { rows = [], figures = [] } = await measure();
  const result: Result = { name, machine: facts, rows, figures };
  print(result);
  for (const text of misses(result)) {
    process.stderr.write(`missed: ${text}\n`);
    process.exitCode = 1;
  }
  await writeResult(result);
}
