/** A release that is no good, deployed under load: what the command says, what serves afterwards, and what was lost. */
import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { failuresOf } from "../load/deploy-series.ts";
import { type LoadResult, startLoad } from "../load/load.ts";
import { ask } from "../load/supervised.ts";
import type { RunResult } from "../processes.ts";
import type { BadRelease, StorySample } from "./catalog.ts";
import type { DeployKeys, StoryHost } from "./host.ts";
import { type Losses, lossesOf, notAccepted } from "./losses.ts";

interface Expected {
  readonly exit: number;
  /** Stands in the error. */
  readonly says: RegExp;
  readonly keys: DeployKeys;
}

const AT_ONCE = { exit: 5, keys: {} };
export const EXPECTED: Readonly<Record<BadRelease, Expected>> = {
  missing: { ...AT_ONCE, says: /does not exist/ },
  "not-executable": { ...AT_ONCE, says: /cannot be executed .*mode 0644/ },
  garbage: { ...AT_ONCE, says: /neither a program .* nor a script/ },
  crash: {
    exit: 7,
    says: /crashed|did not start|the new process ended|started no new process|has taken their place/,
    keys: {},
  },
  hang: { exit: 7, says: /not ready within|does not accept/, keys: { health: { timeout: "3s" } } },
  // It dies after 2 s, and a master starts its workers anew for ever: that counts as a crash at the third time. puma looks for
  // dead ones every 5 s only, and loads them for some more where the machine has other work.
  "late-crash": { exit: 7, says: /crashed|did not start|not healthy/, keys: { program: { watch: "60s" } } },
};

/** Requests a second of each kind: enough to meet a gap of some 10 ms, and little work. */
const EACH_PER_SECOND = 80;
const KEPT_ALIVE_CONNECTIONS = 4;
/** More than come in the longest gap, so that each request that is due in it is sent. */
const IN_FLIGHT_LIMIT = 2_000;
const REQUESTS_AFTER = 20;

export interface Tried {
  readonly result: RunResult;
  readonly load: LoadResult;
  readonly losses: Losses;
}

export async function tryBadRelease(host: StoryHost, flaw: BadRelease): Promise<Tried> {
  const load = await startLoad({
    ...{ url: `${host.url}/version`, keepAliveConnections: KEPT_ALIVE_CONNECTIONS },
    ...{ freshPerSecond: EACH_PER_SECOND, ratePerSecond: EACH_PER_SECOND, inFlightLimit: IN_FLIGHT_LIMIT },
  });
  try {
    await load.more(REQUESTS_AFTER);
    const result = await host.deploy(flaw, { release: "bad", variant: flaw }, EXPECTED[flaw].keys);
    await load.more(REQUESTS_AFTER);
    const seen = await load.stop();
    return { result, load: seen, losses: lossesOf(seen) };
  } catch (error) {
    await load.stop();
    throw error;
  }
}

/** The old release serves, by all that can be asked, and no more was lost than has to be. */
export async function assertSurvived(
  host: StoryHost,
  entry: StorySample,
  flaw: BadRelease,
  tried: Tried,
): Promise<void> {
  const { result, load } = tried;
  const { exit, says } = EXPECTED[flaw];
  assert.equal(result.code, exit, `${result.stdout}${result.stderr}`);
  assert.match(result.stderr, says);
  for (let request = 0; request < 5; request++) assert.equal((await ask(`${host.url}/version`)).release, "v1");
  assert.equal((await host.supervised()).state, "RUNNING");
  assert.equal(await readlink(join(host.rig.deployTo, "current")), "releases/v1");
  const may = entry.mayLose[flaw];
  if (may === undefined) assert.deepEqual(failuresOf(load), []);
  if (may === "accepted") assert.deepEqual(notAccepted(load), []);
}
