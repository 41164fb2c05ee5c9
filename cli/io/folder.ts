/** The files of a folder that say what program lies in it, and files that are put there without writing over any. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ZdrError } from "../failure.ts";
import { writing } from "./replace-file.ts";

/** From the folder of the bundles. */
const TEMPLATES = "../templates";
/** Of a text that is looked through. */
const TEXT_LIMIT_BYTES = 256 * 1024;
/** Where the interesting files lie: here, and in folders like these. */
const FOLDERS = ["", "cmd/*", "supervisor", "supervisord", "deploy", "etc", "config", "conf.d", "src", "*"];
const TELLING =
  /^(?:go\.mod|main\.go|package(?:-lock)?\.json|requirements\.txt|pyproject\.toml|Pipfile|gunicorn\.conf\.py|uwsgi\.ini|(?:wsgi|app|main)\.py|(?:server|index|app)\.m?js)$|\.(?:conf|ini)$/;
const PASSED_OVER = /^(?:node_modules|build|dist|vendor|venv|\..*)$/;

/** By their path in the folder, with `/`. */
export function readTexts(folder: string): Record<string, string> {
  const texts: Record<string, string> = {};
  const within = FOLDERS.flatMap((path) => expand(folder, path));
  for (const path of [...new Set(within)]) {
    for (const name of names(join(folder, path))) {
      const file = path === "" ? name : `${path}/${name}`;
      const text = TELLING.test(name) && texts[file] === undefined ? textOf(join(folder, file)) : undefined;
      if (text !== undefined) texts[file] = text;
    }
  }
  return texts;
}

function expand(folder: string, path: string): string[] {
  if (!path.endsWith("*")) return [path];
  const parent = path.replace(/\/?\*$/, "");
  const found = names(join(folder, parent)).filter((name) => !PASSED_OVER.test(name));
  return found.map((name) => (parent === "" ? name : `${parent}/${name}`));
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // no folder, or not ours to read: it says nothing then
  }
}

function textOf(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= TEXT_LIMIT_BYTES ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

export function isThere(path: string): boolean {
  return existsSync(path);
}

/** False: it is there already, and `mayReplace` is not given. @throws ZdrError `usage` for one that can not be written. */
export function putFile(path: string, text: string, mayReplace: boolean): boolean {
  if (existsSync(path) && !mayReplace) return false;
  writing(path, WRITABLE_HINT, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  });
  return true;
}

const WRITABLE_HINT = "zdr init writes into this folder, and with --config where that says";

/** Copies a template's files; those that are there already stay as they are, and are named. */
export function putTree(
  from: string,
  to: string,
  mayReplace: boolean,
): { readonly put: string[]; readonly kept: string[] } {
  const [put, kept]: [string[], string[]] = [[], []];
  for (const name of readdirSync(from)) {
    if (existsSync(join(to, name)) && !mayReplace) kept.push(name);
    else {
      writing(join(to, name), WRITABLE_HINT, () => cpSync(join(from, name), join(to, name), { recursive: true }));
      put.push(name);
    }
  }
  return { put, kept };
}

/** Of what this installation brings along: templates/ beside dist/. */
export function readTemplate(bundles: string, path: string): string {
  return readFileSync(join(bundles, TEMPLATES, path), "utf8");
}

export function sampleNames(bundles: string): string[] {
  return names(join(bundles, TEMPLATES, "apps"));
}

/** All files of a sample. */
export function readSample(bundles: string, name: string): Record<string, string> {
  const folder = sampleFolder(bundles, name);
  return Object.fromEntries(names(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

/** @throws ZdrError `usage`, which names those that there are. */
export function sampleFolder(bundles: string, name: string): string {
  const there = sampleNames(bundles);
  if (there.includes(name)) return join(bundles, TEMPLATES, "apps", name);
  throw new ZdrError({
    kind: "usage",
    problem: `there is no sample "${name}"`,
    hint: `there are: ${there.join(", ")}`,
  });
}
