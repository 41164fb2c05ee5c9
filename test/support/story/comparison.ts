/**
 * What people compare by hand when they choose a library: v1 is called, and takes its time to answer; v2 is deployed
 * meanwhile. What did the old call answer, what does a new one answer, which processes served before and after, and did
 * supervisor keep its pid?
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../eventually.ts";
import { reportIn } from "../load/deploy-series.ts";
import { monotonicMs } from "../load/load.ts";
import { type Answer, ask } from "../load/supervised.ts";
import type { StorySample } from "./catalog.ts";
import type { StoryHost } from "./host.ts";
import type { Call, Comparison } from "./results.ts";

const SLOW_MS = 3_000;
const BEGIN_TIMEOUT_MS = 60_000;
const ASK_PAUSE_MS = 20;

/** Of a host where v1 serves; v2 does afterwards. */
export async function compare({ rig, url }: StoryHost, { sample }: StorySample): Promise<Comparison> {
  await rig.useSample(sample, { release: "v2" });
  const zdr = rig.startZdr(["deploy", "--tag", "v2", "--json"]);
  const said = (text: string) =>
    eventually(() => zdr.said().stdout.includes(text), { name: text, timeoutMs: BEGIN_TIMEOUT_MS });
  await said('"phase":"activate","status":"start"');
  const slow = answerOf(`${url}/slow?ms=${SLOW_MS}`);
  await said('"phase":"flip"');
  const flippedAt = monotonicMs();
  const over = new AbortController();
  const next = firstOf("v2", url, over.signal);
  const { code, stdout, stderr } = await zdr.done;
  assert.equal(code, 0, `${stdout}${stderr}`);
  const old = await slow;
  assert.ok(old === undefined || old.doneAt > flippedAt, "the call was over before the release was put in place");
  const report = reportIn(stdout, stderr);
  const { before = [], after = [] } = report.serving ?? {};
  const newCall = callOf(await Promise.race([next, sleep(ASK_PAUSE_MS * 50, undefined)]));
  over.abort();
  return {
    ...{ oldCall: callOf(old), newCall, before, after },
    supervised: { before: report.before.pid, after: report.after.pid },
    ...{ readyMs: report.readyMs ?? 0, oldGoneMs: report.oldGoneMs, gapMs: report.gapMs },
  };
}

const answerOf = (url: string): Promise<Answer | undefined> => ask(url).catch(() => undefined);

const callOf = (answer: Answer | undefined): Call => ({ status: answer?.status, release: answer?.release });

/** The first answer that is of this release; undefined: nobody wants to know any more. */
async function firstOf(release: string, url: string, over: AbortSignal): Promise<Answer | undefined> {
  while (!over.aborted) {
    const answer = await answerOf(`${url}/version`);
    if (answer?.release === release) return answer;
    await sleep(ASK_PAUSE_MS);
  }
  return undefined;
}
