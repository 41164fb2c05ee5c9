/** Shows a page in a browser as one reader would have it, and says what is to be seen. */
import { pathToFileURL } from "node:url";
import { eventually } from "../eventually.ts";
import type { BrowserPage } from "./chromium.ts";

export interface Reader {
  readonly width: number;
  readonly scheme: "light" | "dark";
  /** `print`: as on paper. */
  readonly media?: "screen" | "print";
  readonly script?: "on" | "off";
}

/** What the browser complained of, and what it asked for beyond the page itself. */
export interface Heard {
  readonly complaints: string[];
  readonly requests: string[];
}

export async function listen(page: BrowserPage): Promise<Heard> {
  const heard: Heard = { complaints: [], requests: [] };
  page.onEvent((method, params) => {
    const words = JSON.stringify(params);
    if (method === "Log.entryAdded" || method === "Runtime.exceptionThrown") heard.complaints.push(words);
    if (method === "Runtime.consoleAPICalled") heard.complaints.push(words);
    const url = (params.request as { readonly url?: string } | undefined)?.url ?? "";
    // What stands in its own address asks nobody; the browser's filter for those who see no colours is such a one.
    const isAsked = params.type !== "Document" && !url.startsWith("data:");
    if (method === "Network.requestWillBeSent" && isAsked) heard.requests.push(url);
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
  return heard;
}

export async function open(page: BrowserPage, file: string, reader: Reader): Promise<void> {
  const { width, scheme, media = "screen", script = "on" } = reader;
  const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 };
  await page.send("Emulation.setDeviceMetricsOverride", size);
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await page.send("Emulation.setEmulatedMedia", { media: media === "print" ? "print" : "", features });
  await page.send("Emulation.setScriptExecutionDisabled", { value: script === "off" });
  const url = pathToFileURL(file).href;
  await page.send("Page.navigate", { url: "about:blank" });
  await page.send("Page.navigate", { url });
  const isThere = `document.readyState === "complete" && location.href === ${JSON.stringify(url)}`;
  await eventually(() => page.evaluate<boolean>(isThere), { name: `${file} is shown`, timeoutMs: 60_000 });
}

export interface Box {
  readonly width: number;
  readonly height: number;
  /** Its right edge, from the left of the page. */
  readonly right: number;
  readonly text: string;
}

/** The boxes of all elements that a selector finds, as they are painted: what is hidden has none. */
export function boxesOf(page: BrowserPage, selector: string): Promise<Box[]> {
  return page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => {
    const { width, height, right } = element.getBoundingClientRect();
    return { width, height, right: right + scrollX, text: element.textContent };
  })`);
}

/** Of each canvas: the share of its pixels that are painted, and how many colours they have, greys apart. */
export function paintOf(page: BrowserPage): Promise<{ readonly painted: number; readonly colours: number }[]> {
  return page.evaluate(`[...document.querySelectorAll("canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    let painted = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 0) continue;
      painted++;
      if (data[at + 3] === 255) colours.add(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
    }
    return { painted: painted / (canvas.width * canvas.height), colours: colours.size };
  })`);
}

/** Of a CSS colour as the browser computes it, from 0 (black) to 1. */
export function brightnessOf(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** A PNG of the whole page. */
export async function screenshot(page: BrowserPage): Promise<Buffer> {
  const { data } = await page.send("Page.captureScreenshot", { captureBeyondViewport: true });
  return Buffer.from(String(data), "base64");
}
