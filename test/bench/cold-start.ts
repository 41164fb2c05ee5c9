/** The shortest commands, each in a new process over a new connection, against the one that they take the place of. */
import { join } from "node:path";
import { type Row, rowOf } from "../../scripts/bench-result.ts";
import { makeBinaryBuild } from "./builds.ts";
import { type BenchHost, type Line, withHost, withLine } from "./host.ts";
import { inTurns, time } from "./turns.ts";

/** Round trip in ms: how many rounds, and zdr's time as a part of the other's at most. */
const LINES = [
  { roundTripMs: 0, rounds: 15, limit: 0.6 },
  { roundTripMs: 20, rounds: 9, limit: 0.75 },
  { roundTripMs: 80, rounds: 7, limit: 0.85 },
] as const;
const ROUND_TRIP_LIMITS = { status: 12, unchanged: 14 } as const;
const BY_HAND = "ssh host supervisorctl status";
const TAG = "v1";

export async function measureColdStart(): Promise<readonly Row[]> {
  return withHost("/dev/shm", async (host) => {
    const build = join(host.rig.dir, "build");
    await makeBinaryBuild(build);
    await host.rig.addSample("go-overseer", { watch: 0 });
    await host.rig.configure({ build: { path: build } });
    for (const args of [["setup"], ["deploy", "--tag", TAG]]) await time(host.zdr(...args));
    const rows: Row[] = [];
    for (const { roundTripMs, rounds, limit } of LINES) {
      if (roundTripMs === 0) rows.push(...(await compare("loopback", host, rounds, { limit })));
      else {
        const where = `round trip of ${roundTripMs} ms`;
        rows.push(...(await withLine(host, roundTripMs, (line) => compareOver(line, where, rounds, limit))));
      }
    }
    return rows;
  });
}

const COMMANDS = { status: ["status"], unchanged: ["deploy", "--tag", TAG] } as const;

async function compare(
  where: string,
  host: BenchHost,
  rounds: number,
  limits: { readonly limit: number },
): Promise<readonly Row[]> {
  const { rig } = host;
  const [status, unchanged, byHand] = await inTurns(
    [
      { name: "zdr status", run: async () => (await time(host.zdr(...COMMANDS.status))).ms },
      { name: "zdr deploy, nothing changed", run: async () => (await time(host.zdr(...COMMANDS.unchanged))).ms },
      {
        name: BY_HAND,
        run: async () => (await time(host.ssh("supervisorctl", "-c", rig.supervisord.configPath, "status"))).ms,
      },
    ],
    rounds,
  );
  return [
    rowOf(`zdr status, ${where}`, [status, byHand], limits),
    rowOf(`a deploy with nothing changed, ${where}`, [unchanged, byHand], limits),
  ];
}

async function compareOver(line: Line, where: string, rounds: number, limit: number): Promise<readonly Row[]> {
  const rows = await compare(where, line.host, rounds, { limit });
  const counts = {
    status: await line.roundTrips(() => time(line.host.zdr(...COMMANDS.status))),
    unchanged: await line.roundTrips(() => time(line.host.zdr(...COMMANDS.unchanged))),
  };
  const names = ["status", "unchanged"] as const;
  return rows.map((row, index) => {
    const name = names[index] ?? "status";
    return { ...row, roundTrips: counts[name], roundTripLimit: ROUND_TRIP_LIMITS[name] };
  });
}
