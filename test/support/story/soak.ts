/**
 * Many reloads in a row through one session with the agent, under light load: what goes wrong once in a thousand shows
 * here, and what grows with each. Two releases take turns, each flipped to, proved and drained as by a deploy.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProgramReport } from "../../../agent/wire/report.ts";
import { projectPlan, selectHosts } from "../../../cli/core/plan.ts";
import { readConfigFile } from "../../../cli/io/config-file.ts";
import { agentPathOn, readAgentBundle } from "../../../cli/io/session/agent-bundle.ts";
import { openSession } from "../../../cli/io/session/agent-client.ts";
import type { AgentSession } from "../../../cli/io/session/agent-session.ts";
import { connector } from "../../../cli/io/session/connect.ts";
import { failuresOf } from "../load/deploy-series.ts";
import { startLoad } from "../load/load.ts";
import { DIST, type Rig } from "../rig.ts";
import { presetOf } from "../samples.ts";
import type { StorySample } from "./catalog.ts";
import { type StoryHost, startStoryHost } from "./host.ts";
import { machineWords } from "./machine.ts";
import type { Growth, SoakResult, Spread } from "./results.ts";

const RESULTS = fileURLToPath(new URL("../../results/soak/", import.meta.url));
/** What one load remembers, request by request, has to fit into memory. */
const RELOADS_A_LOAD = 50;
/** Requests a second of each kind. */
const EACH_PER_SECOND = 20;
const KEPT_ALIVE_CONNECTIONS = 4;
const REQUESTS_BETWEEN = 5;
/** Memory that grows to its working size in these is no growth. */
const WARM_UP = 10;
/** Of a machine that is busy with other things as well. */
const HEALTH_TIMEOUT = "60s";
/** Of the program's log, where a reload went wrong. */
const LOG_CHARACTERS = 3_000;
const TAGS = ["v1", "v2"] as const;

/** Runs until so many reloads are done or one is not as it must be; writes the result after each load. */
export async function soak(
  cleanup: Parameters<typeof startStoryHost>[0],
  entry: StorySample,
  reloads: number,
  tell: (text: string) => void,
): Promise<void> {
  const host = await startStoryHost(cleanup, entry);
  const keys = { health: { timeout: HEALTH_TIMEOUT, meter: 0 } };
  for (const tag of TAGS) {
    const { code, stdout, stderr } = await host.deploy(tag, { release: tag }, keys);
    assert.equal(code, 0, `${stdout}${stderr}`);
  }
  const session = await openHost(cleanup, host.rig);
  const soaked = new Soaked(entry, host, session);
  while (soaked.done < reloads) {
    await soaked.underLoad(Math.min(RELOADS_A_LOAD, reloads - soaked.done));
    await soaked.write();
    tell(`${entry.sample}: ${soaked.done} reloads, ${soaked.requests} requests, none failed`);
  }
}

class Soaked {
  done = 0;
  requests = 0;
  readonly #entry: StorySample;
  readonly #host: StoryHost;
  readonly #session: AgentSession;
  readonly #reports: ProgramReport[] = [];
  readonly #startedAt = performance.now();
  #pid = 0;
  #before = { privateKb: 0, descriptors: 0 };

  constructor(entry: StorySample, host: StoryHost, session: AgentSession) {
    this.#entry = entry;
    this.#host = host;
    this.#session = session;
  }

  async underLoad(count: number): Promise<void> {
    const load = await startLoad({
      ...{ url: `${this.#host.url}/version`, keepAliveConnections: KEPT_ALIVE_CONNECTIONS },
      ...{ freshPerSecond: EACH_PER_SECOND, ratePerSecond: EACH_PER_SECOND },
    });
    try {
      await load.more(REQUESTS_BETWEEN);
      for (const last = this.done + count; this.done < last; ) await this.#reload();
      await load.more(REQUESTS_BETWEEN);
    } finally {
      const result = await load.stop();
      this.requests += result.sent;
      assert.deepEqual(failuresOf(result), [], `after ${this.done} reloads`);
    }
  }

  async #reload(): Promise<void> {
    const tag = TAGS[this.done % 2] ?? "v1";
    const number = this.done + 1;
    const asked = this.#session.request("activate", { tag, why: "deploy" });
    // Of what is nested as deep as a finding, the runner tells nothing.
    const refused = (error: unknown) => assert.fail(`reload ${number}: ${JSON.stringify(error)}`);
    const { outcome, programs, failure } = await asked.catch(refused);
    const [report] = programs;
    if (outcome !== "kept") {
      const log = (await this.#host.rig.supervisord.programLogs()).slice(-LOG_CHARACTERS);
      assert.fail(`reload ${number}: ${outcome}: ${JSON.stringify(failure)}\n${log}`);
    }
    assert.ok(report);
    if (this.#pid === 0) this.#pid = report.before.pid;
    assert.deepEqual([report.action, report.proof, report.draining], ["reload", "processes", 0]);
    assert.deepEqual([report.before.pid, report.after.pid], [this.#pid, this.#pid]);
    this.#reports.push(report);
    if (++this.done === WARM_UP) this.#before = await sizeOf(this.#pid);
  }

  async write(): Promise<void> {
    const after = await sizeOf(this.#pid);
    const growth = (name: keyof typeof after): Growth => ({ before: this.#before[name], after: after[name] });
    const { sample } = this.#entry;
    const result: SoakResult = {
      ...{ sample, preset: presetOf(sample), measured: new Date().toISOString(), machine: machineWords() },
      ...{ reloads: this.done, requests: this.requests, failed: 0 },
      minutes: Math.round((performance.now() - this.#startedAt) / 60_000),
      readyMs: spreadOf(this.#reports.map(({ readyMs = 0 }) => readyMs)),
      oldGoneMs: spreadOf(this.#reports.map(({ oldGoneMs = 0 }) => oldGoneMs)),
      supervised: { privateKb: growth("privateKb"), descriptors: growth("descriptors") },
    };
    await mkdir(RESULTS, { recursive: true });
    await writeFile(join(RESULTS, `${sample}.json`), `${JSON.stringify(result, null, 2)}\n`);
  }
}

/** A session as `zdr deploy` has one, with the host's lock. */
async function openHost(cleanup: Parameters<typeof startStoryHost>[0], rig: Rig): Promise<AgentSession> {
  const home = dirname(rig.configPath);
  const config = readConfigFile({ cwd: rig.project, env: {} });
  const [target] = selectHosts(config, {});
  const login = { user: "nobody", home, agentSocket: undefined, askPassphrase: undefined, onWarning: () => {} };
  assert.ok(target);
  const connection = await connector(login)(target);
  const plan = projectPlan(config);
  const agent = readAgentBundle(DIST);
  const options = { host: target.name, node: target.node, agent, agentPath: agentPathOn(plan.deployTo, agent.sha256) };
  const session = await openSession(connection, options);
  cleanup.after(async () => {
    await session.close();
    connection.close();
  });
  const lock = { by: { user: "soak", host: "localhost" }, why: "soak" };
  await session.request("survey", { project: plan, lock });
  return session;
}

/** Memory that is the process's own (smaps_rollup, proc(5)), and its open files. */
async function sizeOf(pid: number): Promise<{ readonly privateKb: number; readonly descriptors: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const sizes = [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].map(([, size]) => Number(size));
  const { length: descriptors } = await readdir(`/proc/${pid}/fd`);
  return { privateKb: sizes.reduce((sum, size) => sum + size, 0), descriptors };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}
