/** The page of a report in a real browser: its main parts are painted, on a desk and on a phone, by day and by night. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { renderPage } from "../../../cli/core/page/document.ts";
import type { ReportFacts } from "../../../cli/core/page/facts.ts";
import { readPageAssets } from "../../../cli/io/page.ts";
import { eventually } from "../../support/eventually.ts";
import { DIST } from "../../support/rig.ts";
import { type BrowserPage, startChromium } from "../../support/screen/chromium.ts";
import { boxesOf, brightnessOf, type Heard, listen, open, paintOf, screenshot } from "../../support/screen/look.ts";
import { entryOf, factsOf, traceOf } from "../../unit/cli/core/page/sample.ts";

/** Where the last pictures lie, for whoever wants to look at them. */
const PICTURES = fileURLToPath(new URL("../../../.tmp/pictures", import.meta.url));
const PHONE = { width: 360, scheme: "light" } as const;
const DESK = { width: 1200, scheme: "light" } as const;

const LONG = "a-name-that-is-much-too-long-for-a-phone-and-has-nowhere-to-break".repeat(2);

/** Two hosts: one kept it, one went back, with words that take room. */
function facts(): ReportFacts {
  const reverted = entryOf({ ended: "reverted", to: "v1", reason: "unhealthy", activation: "a2" });
  const trace = traceOf();
  const log = [{ program: "shop", line: `panic: ${LONG}` }];
  const told = { error: [`web2: program "shop" was not healthy: ${LONG}`], hints: ["see more with: zdr logs shop"] };
  const parts = [{ entry: reverted, trace: { ...trace, report: { ...trace.report, log, warnings: [LONG] } }, told }];
  const { hosts } = factsOf();
  return factsOf({ hosts: [...hosts, { host: LONG, parts }], silent: [{ host: "web3", why: LONG }] });
}

describe("the page of a report", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let browser: BrowserPage;
  let heard: Heard;
  let file: string;

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "zdr-page-"));
    cleaning.push(() => rm(folder, { recursive: true, force: true }));
    file = join(folder, "report.html");
    await writeFile(file, renderPage(facts(), readPageAssets(DIST)));
    browser = await startChromium({ after: (clean) => cleaning.push(clean) });
    heard = await listen(browser);
    await mkdir(PICTURES, { recursive: true });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const picture = async (name: string) => {
    const png = await screenshot(browser);
    await writeFile(join(PICTURES, `${name}.png`), png);
    return png;
  };
  /** What each main part is found by, and how many there are. */
  const PARTS: readonly (readonly [selector: string, atLeast: number])[] = [
    ["h1", 1],
    [".verdict", 1],
    [".facts div", 6],
    [".cards tbody tr", 3],
    [".lane-bar svg.bars", 2],
    [".span", 10],
    [".chart canvas", 2],
    [".moments li", 10],
    [".trouble", 2],
    ["details summary", 4],
  ];
  const assertWhole = async () => {
    for (const [selector, atLeast] of PARTS) {
      const seen = (await boxesOf(browser, selector)).filter(({ width, height }) => width > 0 && height > 0);
      assert.ok(seen.length >= atLeast, `${seen.length} of ${selector}`);
    }
    for (const { painted, colours } of await paintOf(browser)) {
      assert.ok(painted > 0.02 && painted < 0.9, `${painted} of a chart is painted`);
      assert.ok(colours > 3, `${colours} colours`);
    }
  };
  const colourOf = (what: string, of = "body") =>
    browser.evaluate<string>(`getComputedStyle(document.querySelector(${JSON.stringify(of)})).${what}`);

  for (const scheme of ["light", "dark"] as const) {
    test(`shows all of its parts, and its charts are drawn, where the screen is ${scheme}`, async () => {
      await open(browser, file, { width: 1200, scheme });
      await assertWhole();
      const [ground, ink] = [brightnessOf(await colourOf("backgroundColor")), brightnessOf(await colourOf("color"))];
      assert.ok(scheme === "light" ? ground - ink > 0.7 : ink - ground > 0.7, `ink ${ink} on ${ground}`);
      assert.ok((await picture(scheme)).length > 20_000);
    });
  }

  test("fits a phone: nothing stands beyond its 360 pixels, and all parts are there", async () => {
    await open(browser, file, PHONE);
    await assertWhole();
    assert.equal(await browser.evaluate("document.documentElement.scrollWidth"), PHONE.width);
    const beyond = (await boxesOf(browser, "main *")).filter(
      ({ right, width }) => width > 1 && right > PHONE.width + 1,
    );
    assert.deepEqual(beyond, []);
    await picture("phone");
  });

  test("draws its charts anew where the screen turns dark", async () => {
    await open(browser, file, DESK);
    await browser.evaluate("void (globalThis.before = document.querySelector('canvas').toDataURL())");
    const isOther = () =>
      browser.evaluate<boolean>("document.querySelector('canvas').toDataURL() !== globalThis.before");
    assert.equal(await isOther(), false);
    await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
    await eventually(isOther, { name: "the chart is drawn anew" });
    await assertWhole();
  });

  test("says all in words where no script may run", async () => {
    await open(browser, file, { ...DESK, script: "off" });
    const { length } = (await boxesOf(browser, ".chart")).filter(({ height }) => height > 0);
    assert.equal(length, 0, "no empty place for a chart");
    const [body] = await boxesOf(browser, "main");
    for (const words of ["v1 → v2", "signal USR2", "drained: the last old process had gone", "ECONNREFUSED"]) {
      assert.ok(body?.text.includes(words), words);
    }
    await browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    const rows = (await boxesOf(browser, ".program details tbody tr")).filter(({ height }) => height > 0);
    assert.ok(rows.length > 10);
  });

  test("tells its bars and lines apart without any colour", async () => {
    await open(browser, file, DESK);
    const fills = await browser.evaluate<string[]>(
      "[...new Set([...document.querySelectorAll('.span')].map((bar) => getComputedStyle(bar).fill))]",
    );
    assert.ok(fills.filter((fill) => fill.includes("url(")).length >= 3, fills.join());
    await browser.send("Emulation.setEmulatedVisionDeficiency", { type: "achromatopsia" });
    await picture("grey");
    await browser.send("Emulation.setEmulatedVisionDeficiency", { type: "none" });
  });

  test("is dark on light on paper, also where the screen is dark, with all that was folded away", async () => {
    await open(browser, file, { width: 1200, scheme: "dark" });
    const { data } = await browser.send("Page.printToPDF", { printBackground: true });
    assert.match(Buffer.from(String(data), "base64").toString("latin1", 0, 8), /^%PDF-/);
    await browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert.ok(brightnessOf(await colourOf("backgroundColor")) > 0.9);
    assert.ok((await boxesOf(browser, ".program details tbody tr")).every(({ height }) => height > 0));
    await browser.evaluate("dispatchEvent(new Event('afterprint'))");
    assert.ok(brightnessOf(await colourOf("backgroundColor")) < 0.3);
  });

  test("asked nobody for anything, and gave its reader's browser nothing to complain of, in all of that", () => {
    assert.deepEqual(heard, { complaints: [], requests: [] });
  });
});
