/** The page of a report: what the build has made for it, and the file that it becomes. */
import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PageAssets } from "../core/page/document.ts";
import { replaceFile, writing } from "./replace-file.ts";

/** Reads what lies beside this program. */
export function readPageAssets(folder: string): PageAssets {
  const [script, style] = ["page.js", "page.css"].map((name) => readFileSync(join(folder, name), "utf8")) as [
    string,
    string,
  ];
  return { script, style, scriptHash: hashOf(script), styleHash: hashOf(style) };
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** Replaces the file. What is no file is written into. */
export function writePage(path: string, page: string): void {
  writing(path, "name another file: zdr report -o FILE, or -o - for stdout", () => {
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
    if (isFile) replaceFile(path, page);
    else writeFileSync(path, page);
  });
}
