/** `zdr report` about deploys that were made under load: what its page says, and what it says where a host knows less. */
import assert from "node:assert/strict";
import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { HistoryEntry } from "../../../agent/wire/history.ts";
import type { ChartData } from "../../../cli/core/page/chart.ts";
import { freePort } from "../../support/load/free-port.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { assertTold, resultOf } from "../../support/wrong-world.ts";

interface Written {
  readonly file: string;
  readonly bytes: number;
  readonly deploy: string;
  readonly tag: string;
}

const sum = (column: readonly number[]) => column.reduce((all, n) => all + n, 0);
const chartsOf = (page: string): ChartData[] =>
  JSON.parse(/<script type="application\/json" id="charts">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "");
const lettersOf = ({ moments }: ChartData) => moments.map(({ letter }) => letter).join("");

describe("zdr report", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  const traces = () => join(rig.deployTo, ".zdr/traces");

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: "1s" }, { timeout: "3s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await deploy("v1", 0);
    await deploy("v2", 0);
    await deploy("v3", 7, "unhealthy");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const deploy = async (release: string, exit: number, variant: "good" | "unhealthy" = "good") => {
    await rig.useSample("gunicorn", { release, variant });
    const result = await rig.zdr(["deploy", "--tag", release], { env: { CI_JOB_URL: "https://ci.example/42" } });
    assert.equal(result.code, exit, result.stderr);
    return result;
  };
  const report = async (...args: string[]) => {
    const written = resultOf<Written>(await rig.zdr(["report", "--json", ...args]));
    return { ...written, page: await readFile(join(rig.project, written.file), "utf8") };
  };
  const entries = async (): Promise<readonly HistoryEntry[]> => {
    const { hosts } = resultOf<{ hosts: { history: HistoryEntry[] }[] }>(await rig.zdr(["history", "--json"]));
    return hosts[0]?.history ?? [];
  };

  test("of a deploy that was kept: the requests around the flip, none failed, and every moment in its order", async () => {
    const { page, tag } = await report("v2");
    assert.equal(tag, "v2");
    const [chart, ...more] = chartsOf(page);
    assert.ok(chart !== undefined && more.length === 0);
    assert.equal(lettersOf(chart), "FSRDK");
    assert.deepEqual([chart.moments[0]?.atMs, chart.moments[1]?.words.replace(/\d+/, "N")], [0, "signal HUP (pid N)"]);
    assert.ok(chart.fromMs < 0, "the baseline stands before the flip");
    const meter = (await entries()).find((entry) => entry.tag === "v2")?.programs[0]?.meter;
    assert.ok(meter !== undefined && meter.during.sent > 0);
    assert.equal(sum(chart.sent), meter.baseline.sent + meter.during.sent);
    assert.equal(sum(chart.failed), 0);
    assert.match(page, /v1 → v2/);
    assert.match(page, new RegExp(`${meter.during.sent} requests, none failed`));
    assert.match(page, /href="https:\/\/ci\.example\/42"/);
  });

  test("of a deploy that was reverted: why, what was logged, which requests failed by what, and what serves again", async () => {
    const { page, tag } = await report();
    assert.equal(tag, "v3");
    const [chart] = chartsOf(page);
    assert.ok(chart !== undefined);
    assert.match(lettersOf(chart), /^FS+XS+RV$/);
    assert.ok(sum(chart.failed) > 0);
    assert.match(page, /reverted to v2 \(unhealthy\) on 1 host/);
    assert.match(page, /was not healthy within 3 s \(last probe: status 503\)/);
    assert.match(page, /<pre tabindex="0">shop: .*Handling signal: hup/);
    assert.match(page, new RegExp(`${sum(chart.failed)} &times; status 503`));
  });

  test("without a file it is named after the release and the ID that history shows, and says what it wrote", async () => {
    const id = (await entries()).find((entry) => entry.tag === "v2")?.by?.command ?? "";
    assert.match((await rig.zdr(["history"])).stdout, new RegExp(` ${id}$`, "m"));
    const { code, stdout, stderr } = await rig.zdr(["report", id.slice(0, 6)]);
    const { length } = await readFile(join(rig.project, `report-v2-${id}.html`));
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, `report-v2-${id}.html: v1 → v2, kept on 1 host (${Math.round(length / 1000)} kB)\n`);
  });

  test("with -o - the page goes to stdout, and nothing else does", async () => {
    const { code, stdout } = await rig.zdr(["report", "-o", "-"]);
    assert.equal(code, 0);
    assert.match(stdout, /^<!doctype html>\n[\s\S]*<\/html>\n$/);
    assertTold(await rig.zdr(["report", "--json", "-o", "-"]), {
      exit: 2,
      error: /can not both go to stdout/,
      hint: /-o/,
    });
  });

  test("a page that was there is replaced whole, and one that can not be written leaves nothing behind", async () => {
    const before = await readdir(rig.project);
    await writeFile(join(rig.project, "page.html"), "old");
    assert.equal((await rig.zdr(["report", "-o", "page.html"])).code, 0);
    assert.match(await readFile(join(rig.project, "page.html"), "utf8"), /^<!doctype html>/);
    const refused = await rig.zdr(["report", "-o", "not/there.html"]);
    assertTold(refused, { exit: 2, error: /not\/there\.html could not be written: ENOENT/, hint: /-o FILE/ });
    await rm(join(rig.project, "page.html"));
    assert.deepEqual(await readdir(rig.project), before);
  });

  test("a deploy that there is not is refused with those that there are", async () => {
    const refused = await rig.zdr(["report", "v77"]);
    assertTold(refused, { exit: 2, error: /no deploy "v77" on these hosts/, hint: /[0-9a-f]{8} \(v3, .*\(v1, / });
  });

  test("the hosts that can not be asked are named in the page and in the exit code, which is history's", async () => {
    const config = join(rig.project, "two.yml");
    const text = JSON.parse(await readFile(rig.configPath, "utf8"));
    const gone = { name: "web9", address: "127.0.0.1", port: await freePort() };
    await writeFile(config, JSON.stringify({ ...text, hosts: ["local", gone] }));
    const history = await rig.zdr(["history", "--config", config]);
    const { code, stderr } = await rig.zdr(["report", "v2", "--config", config, "-o", "two.html"]);
    assert.deepEqual([code, history.code], [4, 4]);
    assert.match(stderr, /error: web9: .*ECONNREFUSED/);
    const page = await readFile(join(rig.project, "two.html"), "utf8");
    assert.match(page, /kept on 1 host; 1 host could not be asked/);
    assert.match(page, /web9[\s\S]*could not be asked: .*ECONNREFUSED/);
  });

  test("traces that are gone, or are damaged, cost the page its charts and nothing else", async () => {
    for (const name of await readdir(traces())) await writeFile(join(traces(), name), '{"activation":');
    const { page } = await report("v2");
    assert.deepEqual(chartsOf(page), []);
    assert.match(page, /No samples were recorded of this activation.*requests, none failed/s);
    await rm(traces(), { recursive: true });
    assert.deepEqual(chartsOf((await report("v2")).page), []);
  });

  test("a trace that can not be kept is a warning, and the deploy goes on", async () => {
    await rm(traces(), { recursive: true, force: true });
    await symlink("/proc/nothing", traces());
    const { stderr } = await deploy("v4", 0);
    assert.match(stderr, /warning: local: what the meter saw could not be kept for zdr report: /);
    assert.match((await report()).page, /No samples were recorded/);
    await rm(traces());
  });

  test("no more traces are kept than those of the last twenty activations", async () => {
    await deploy("v5", 0);
    const own = await readdir(traces());
    assert.equal(own.length, 1);
    for (let n = 0; n < 30; n++) await writeFile(join(traces(), `${n}.json`), "{}");
    await deploy("v6", 0);
    const left = await readdir(traces());
    assert.equal(left.length, 2);
    assert.ok(own.every((name) => left.includes(name)));
  });
});
