/** Old generations that take long: they are waited for, told of with what they have open, and ended or left as configured. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import type { SampleName } from "../../support/samples.ts";

const HASTE = { watch: 0, start_seconds: 1 };
/** Longer than any limit in here. */
const LONG_MS = 60_000;

async function deployed(t: TestContext, sample: SampleName, reload: object): Promise<{ rig: Rig; url: string }> {
  const rig = await startRig(t);
  const { url } = await rig.addSample(sample, { ...HASTE, reload }, { timeout: "10s", meter: 0 });
  await rig.useSample(sample, { release: "v1" });
  await ok(rig, "setup");
  await ok(rig, "deploy", "--tag", "v1");
  await rig.useSample(sample, { release: "v2" });
  return { rig, url };
}

async function ok(rig: Rig, ...args: string[]) {
  const result = await rig.zdr(args);
  assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

/** A request of so many milliseconds; resolves when the server has it, with what will become of it: a release, or `cut`. */
async function slowRequest(t: TestContext, url: string, ms: number): Promise<{ readonly outcome: Promise<string> }> {
  let request: ReturnType<typeof get> | undefined;
  const outcome = new Promise<string>((resolve) => {
    request = get(`${url}/slow?ms=${ms}`, { agent: false }, (response) => {
      response.on("end", () => resolve(String(response.headers["x-release"]))).resume();
    });
    request.on("error", () => resolve("cut"));
  });
  t.after(() => void request?.destroy());
  await eventually(() => isAccepted(Number(new URL(url).port), request?.socket?.localPort), { name: "it is accepted" });
  return { outcome };
}

/** Whether some process has the server's end: in the queue of a listening socket it has no inode yet (proc(5), net/tcp). */
async function isAccepted(serverPort: number, clientPort: number | undefined): Promise<boolean> {
  if (clientPort === undefined) return false;
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const rows = (await readFile("/proc/net/tcp", "latin1")).split("\n").map((line) => line.trim().split(/\s+/));
  return rows.some(
    ([, local = "", remote = "", , , , , , , inode = "0"]) =>
      local.endsWith(`:${hex(serverPort)}`) && remote.endsWith(`:${hex(clientPort)}`) && inode !== "0",
  );
}

/** On a connection that does not stay: one that does would count. */
const version = (url: string) => textAt(`${url}/version`);

test("a reload that comes while the old process of a handover still drains waits for it, and no request is lost", async (t) => {
  const { rig, url } = await deployed(t, "go-grace", { preset: "grace", drain: "60s" });
  const slow = await slowRequest(t, url, 20_000);
  await ok(rig, "reload");
  const { stderr } = await ok(rig, "deploy", "--tag", "v2");
  assert.match(stderr, /shop: waits for the last reload to drain/);
  assert.equal(await slow.outcome, "v1");
  assert.equal(await version(url), "v2");
});

test("a program that takes its sockets is reloaded beside an old process that still drains", async (t) => {
  const { rig, url } = await deployed(t, "go-listenfds", { preset: "systemd-socket", drain: "60s" });
  const slow = await slowRequest(t, url, LONG_MS);
  await ok(rig, "reload");
  const { stdout, stderr } = await ok(rig, "deploy", "--tag", "v2", "--json");
  assert.doesNotMatch(stderr, /waits for/);
  // What was old before this deploy is nothing that it waits for.
  assert.equal(reportIn(stdout, stderr).draining, 0);
  assert.equal(await version(url), "v2");
  assert.equal(await Promise.race([slow.outcome, "in flight"]), "in flight");
});

for (const [sample, preset] of [
  ["go-listenfds", "systemd-socket"],
  ["go-grace", "grace"],
  ["gunicorn", "gunicorn"],
] as const) {
  test(`${sample}: past its limit an old process is ended, and the report says with how many connections`, async (t) => {
    const { rig, url } = await deployed(t, sample, { preset, drain: "1s", past_drain: "end" });
    const slow = await slowRequest(t, url, LONG_MS);
    const { stdout, stderr } = await ok(rig, "deploy", "--tag", "v2", "--json");
    const report = reportIn(stdout, stderr);
    assert.equal(report.draining, 0);
    // An idle worker may be late as well, where the machine is.
    assert.ok((report.ended ?? 0) >= 1, JSON.stringify(report));
    assert.ok((report.oldGoneMs ?? 0) >= 1_000);
    assert.match(stdout, /had not drained after 1 s, and were ended with \d+ open connections/);
    assert.equal(await slow.outcome, "cut");
    assert.equal(await version(url), "v2");
  });
}

for (const [sample, preset] of [
  ["go-listenfds", "systemd-socket"],
  ["gunicorn", "gunicorn"],
] as const) {
  test(`${sample}: past its limit an old process is left, where that is configured, and finishes`, async (t) => {
    const { rig, url } = await deployed(t, sample, { preset, drain: "1s", past_drain: "leave" });
    const slow = await slowRequest(t, url, 20_000);
    const { stdout, stderr } = await ok(rig, "deploy", "--tag", "v2", "--json");
    const { draining, connections = 0, ended } = reportIn(stdout, stderr);
    assert.ok(draining >= 1, stdout);
    // Of gunicorn's workers the one that is late may be another than the one that answers.
    if (sample === "go-listenfds") assert.equal(connections, 1);
    assert.equal(ended, undefined);
    assert.match(stdout, /\d of its old processes still drain after 1 s/);
    assert.equal(await version(url), "v2");
    assert.equal(await slow.outcome, "v1");
  });
}

test("where an old process is left, a handover that can not begin says why, and the release before it serves on", async (t) => {
  const { rig, url } = await deployed(t, "go-grace", { preset: "grace", drain: "1s", past_drain: "leave" });
  await slowRequest(t, url, LONG_MS);
  await ok(rig, "deploy", "--tag", "v2");
  await rig.useSample("go-grace", { release: "v3" });
  const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "v3"]);
  assert.equal(code, 7, `${stdout}${stderr}`);
  assert.match(stderr, /did not take the reload \(the generation before still drains \(pid \d+\)/);
  assert.equal(await version(url), "v2");
});
