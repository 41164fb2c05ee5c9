/** What zdr costs before it does anything, against the Node that it runs on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Row, rowOf } from "../../scripts/bench-result.ts";
import { DIST } from "../support/rig.ts";
import { inTurns, time } from "./turns.ts";

const ROUNDS = 25;
/** Of the time that Node takes to do nothing. */
const LIMIT = 2;
const BY_HAND = "node -e 0";

export async function measureStart(): Promise<readonly Row[]> {
  const cache = await mkdtemp(join(tmpdir(), "zdr-start-"));
  try {
    const env = { XDG_CACHE_HOME: cache };
    const node = async (...args: string[]) => (await time({ argv: [process.execPath, ...args], env })).ms;
    const zdr = (flag: string) => node(join(DIST, "zdr.cjs"), flag);
    const [help, version, nothing] = await inTurns(
      [
        { name: "zdr --help", run: () => zdr("--help") },
        { name: "zdr --version", run: () => zdr("--version") },
        { name: BY_HAND, run: () => node("-e", "0") },
      ],
      ROUNDS,
    );
    return [
      rowOf("the help", [help, nothing], { limit: LIMIT }),
      rowOf("the version", [version, nothing], { limit: LIMIT }),
    ];
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}
