/** What each sample has to do, by itself under a supervisord: tell its release and its health, drain, write its log. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stopSignalOf } from "../../../agent/core/presets.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../load/free-port.ts";
import { buildSample, type SampleName, sampleProgram, type Variant } from "../samples.ts";
import { type Supervisord, startSupervisord } from "../supervisord.ts";
import { answerAt } from "./ask.ts";

interface Running {
  readonly url: string;
  readonly supervisord: Supervisord;
}

/** The sample under a supervisord, started from its build folder itself. */
async function runSample(t: TestContext, name: SampleName, variant: Variant = "good"): Promise<Running> {
  const build = await buildSample(name, { release: "v7", variant });
  const dir = await mkdtemp(join(tmpdir(), "zdr-"));
  const port = await freePort();
  const command = sampleProgram(name, port)
    .command.replaceAll("{current}", build)
    .replaceAll("{run}", dir)
    .replace(/^bin\//, `${build}/bin/`);
  const stopSignal = stopSignalOf({ reload: { preset: sampleProgram(name, port).reload } });
  const supervisord = await startSupervisord({
    dir,
    programs: `[program:shop]\ncommand=${command}\nstopwaitsecs=20\nstopsignal=${stopSignal}\nenvironment=GODEBUG="asyncpreemptoff=1"\n`,
  });
  t.after(async () => {
    await supervisord.stop();
    await rm(dir, { recursive: true });
  });
  return { url: `http://127.0.0.1:${port}`, supervisord };
}

const said = async (supervisord: Supervisord) => (await supervisord.ctl(["tail", "shop", "stderr"])).stdout;

export function testSample(name: SampleName): void {
  test(`${name} tells its release and its health`, async (t) => {
    const { url } = await runSample(t, name);
    await eventually(async () => (await answerAt(`${url}/healthz`)).status === 200, { name: `${name} is healthy` });
    assert.deepEqual(await answerAt(`${url}/version`), { status: 200, text: "v7", release: "v7" });
    assert.equal((await answerAt(`${url}/nowhere`)).release, "v7");
    assert.equal((await answerAt(`${url}/slow?ms=x`)).status, 400);
  });

  test(`${name} answers the request in flight when it is stopped, and ends`, async (t) => {
    const { url, supervisord } = await runSample(t, name);
    await eventually(async () => (await answerAt(`${url}/healthz`)).status === 200, { name: `${name} is healthy` });
    const slow = answerAt(`${url}/slow?ms=800`);
    // It is in flight once another request, sent after it, has been answered.
    await answerAt(`${url}/version`);
    const stopped = supervisord.ctl(["stop", "shop"]);
    assert.deepEqual(await slow, { status: 200, text: "v7", release: "v7" });
    assert.equal((await stopped).stdout, "shop: stopped\n");
    await assert.rejects(answerAt(`${url}/version`));
  });

  test(`${name} writes what it is told into its log`, async (t) => {
    const { url, supervisord } = await runSample(t, name);
    await eventually(async () => (await answerAt(`${url}/healthz`)).status === 200, { name: `${name} is healthy` });
    assert.deepEqual(await answerAt(`${url}/log?text=one%20line`), { status: 200, text: "v7", release: "v7" });
    await eventually(async () => (await said(supervisord)).includes('release v7 was told "one line"'), {
      name: "the line",
    });
  });

  test(`${name} in its unhealthy variant serves, but says 503 of itself`, async (t) => {
    const { url } = await runSample(t, name, "unhealthy");
    const health = await eventually(async () => await answerAt(`${url}/healthz`), { name: `${name} answers` });
    assert.deepEqual(health, { status: 503, text: "database: connection refused", release: "v7" });
    assert.equal((await answerAt(`${url}/version`)).status, 200);
  });

  test(`${name} in its crash variant never answers`, async (t) => {
    const { url, supervisord } = await runSample(t, name, "crash");
    const hasDied = async () => /exited: shop/.test(await supervisord.log());
    // A master may live on, and start its workers again.
    const hasTriedAgain = async () => {
      const { stdout } = await supervisord.ctl(["tail", "shop", "stdout"]);
      return `${stdout}${await said(supervisord)}`.split("config/app.toml").length > 2;
    };
    await eventually(async () => (await hasDied()) || (await hasTriedAgain()), { name: `${name} has died` });
    // A master that lives on may take the connection all the same.
    await assert.rejects(answerAt(`${url}/version`, 5_000));
  });
}
