/** What a folder says of the program in it: which library reloads it, how it is built and started. Pure: texts in, a guess out. */
import type { PRESET_NAMES } from "../../../agent/wire/plan.ts";

export type PresetName = (typeof PRESET_NAMES)[number];

/** The files of a folder that say something, by their path in it. */
export type FolderTexts = Readonly<Record<string, string>>;

export interface Found {
  /** A word for people, and what it was seen by: `a Go program on grace (go.mod)`. */
  readonly what: string;
  readonly name: string;
  readonly preset: PresetName;
  /** Whether the preset was seen and not only supposed. */
  readonly isSeen: boolean;
  readonly build: { readonly run?: string; readonly path: string };
  /** `HOST:PORT` stands for where it listens. */
  readonly command: string;
  /** Whether the socket is opened for it; absent: as its preset usually has it. */
  readonly listens?: boolean;
  /** Run before the flip, as `check:` has it. */
  readonly check?: string;
  /** Of a supervisor section that names it. */
  readonly user?: string;
  /** What is to be looked at before the first deploy. */
  readonly notes: readonly string[];
}

/** Modules that reload a Go program, and the preset for each. */
const GO_LIBRARIES: readonly (readonly [RegExp, PresetName, string])[] = [
  [/^\s*(?:require\s+)?github\.com\/jpillora\/overseer\s/m, "overseer", "overseer"],
  [/^\s*(?:require\s+)?github\.com\/facebook(?:go|archive)\/grace(?:\/\S+)?\s/m, "grace", "grace"],
  [/^\s*(?:require\s+)?github\.com\/fvbock\/endless\s/m, "endless", "endless"],
  [/^\s*(?:require\s+)?github\.com\/tabalt\/gracehttp\s/m, "gracehttp", "gracehttp"],
  [/^\s*(?:require\s+)?github\.com\/cloudflare\/tableflip\s/m, "tableflip", "tableflip"],
];

/** A variable of a Go program that the linker may fill, alone or in a block. */
const STAMP = /^(?:var |\t)(release|version|Version)(?: +string)? *(?:= *"|$)/m;

/** What lies in a program's folder and is no part of it. */
const NOT_THE_PROGRAM = ["./build", "./.git", "./node_modules", "__pycache__"];
/** The same by patterns, taken away afterwards: a `*` of tar's goes over slashes, and would take files of folders with such names along. */
const NOR_IS = [
  "known_hosts*",
  "zdr.gitlab-ci.yml",
  "deploy.yml",
  "deploy.*.yml",
  "deploy.schema.json",
  "report-*.html",
];

/** A copy of the folder without what is no part of a release. */
export const COPY = [
  "rm -rf build",
  "mkdir build",
  `tar -c ${NOT_THE_PROGRAM.map((path) => `--exclude=${path}`).join(" ")} . | tar -x -C build`,
  `(cd build && rm -rf .git?* && rm -f ${NOR_IS.join(" ")})`,
].join(" && ");

/** Undefined: nothing here says what it is. */
export function lookAtFolder(texts: FolderTexts, folderName: string): Found | undefined {
  const found = goProgram(texts, folderName) ?? pythonProgram(texts, folderName) ?? nodeProgram(texts, folderName);
  const section = supervisorSection(texts);
  if (section === undefined) return found;
  const { name, command, user, file } = section;
  const note = `${file} has a section for it: take that away and let zdr setup write one, so that it runs through current/`;
  const own = found ?? unknownProgram(name, command, file);
  return { ...own, name, ...(user === undefined ? {} : { user }), notes: [...own.notes, note] };
}

function goProgram(texts: FolderTexts, folderName: string): Found | undefined {
  const mod = texts["go.mod"];
  if (mod === undefined) return undefined;
  const path = /^module\s+(\S+)/m.exec(mod)?.[1]?.replace(/\/v\d+$/, "") ?? folderName;
  const name = plainName(path.split("/").at(-1) ?? folderName);
  const library = GO_LIBRARIES.find(([pattern]) => pattern.test(mod));
  const main = Object.keys(texts).find((file) => /^cmd\/[^/]+\/main\.go$/.test(file));
  const source = texts[main ?? "main.go"] ?? "";
  const where = main === undefined ? "." : `./${main.slice(0, -"/main.go".length)}`;
  const takesAddress = /flag\.String(?:Var)?\([^)]*"addr"/.test(source);
  const takesSocket = /LISTEN_FDS/.test(source);
  const stamp = STAMP.exec(source)?.[1];
  const flags = stamp === undefined ? "" : `-ldflags "-X main.${stamp}=$ZDR_TAG" `;
  const preset = library?.[1] ?? (takesSocket ? "systemd-socket" : "restart");
  const on = library?.[2] ?? (takesSocket ? "LISTEN_FDS" : "no library that reloads it");
  return {
    ...{ what: `a Go program on ${on} (go.mod)`, name, preset, isSeen: preset !== "restart" },
    build: { run: `CGO_ENABLED=0 go build ${flags}-o build/bin/${name} ${where}`, path: "build" },
    command: `bin/${name}${takesAddress ? " -addr HOST:PORT" : ""}`,
    notes: takesAddress ? [] : ["the command: how the program is told where to listen"],
  };
}

function pythonProgram(texts: FolderTexts, folderName: string): Found | undefined {
  const file = ["requirements.txt", "pyproject.toml", "Pipfile"].find((one) => texts[one] !== undefined);
  const isGunicorn = /\bgunicorn\b/i.test(texts[file ?? ""] ?? "") || texts["gunicorn.conf.py"] !== undefined;
  const isUwsgi = /\buwsgi\b/i.test(texts[file ?? ""] ?? "") || texts["uwsgi.ini"] !== undefined;
  if (!isGunicorn && !isUwsgi) return undefined;
  const name = plainName(/^name\s*=\s*["']([^"']+)["']/m.exec(texts["pyproject.toml"] ?? "")?.[1] ?? folderName);
  const build = { run: COPY, path: "build" };
  const notes = ["where the packages come from: a virtual environment on the hosts, or one in the build"];
  if (!isGunicorn) {
    const command = "/usr/bin/uwsgi --ini {current}/uwsgi.ini --http-socket HOST:PORT";
    return { what: "a Python program under uWSGI", name, preset: "uwsgi", isSeen: true, build, command, notes };
  }
  const config = texts["gunicorn.conf.py"] === undefined ? "" : " --config {current}/gunicorn.conf.py";
  const command = `/usr/bin/gunicorn${config} --chdir {current} --bind HOST:PORT ${wsgiApplication(texts)}`;
  const by = file === undefined || !/gunicorn/i.test(texts[file] ?? "") ? "gunicorn.conf.py" : file;
  return {
    what: `a Python program under gunicorn (${by})`,
    name,
    preset: "gunicorn",
    isSeen: true,
    build,
    command,
    notes,
  };
}

/** `module:variable`, of the files that usually hold it. */
function wsgiApplication(texts: FolderTexts): string {
  for (const [file, text] of Object.entries(texts)) {
    if (!/^(?:[^/]+\/)?(?:wsgi|app|main)\.py$/.test(file)) continue;
    const variable = /^(application|app)\s*=|^(?:\w+ )?def (application|app)\b/m.exec(text);
    if (variable) return `${file.slice(0, -3).replaceAll("/", ".")}:${variable[1] ?? variable[2]}`;
  }
  return "app:app";
}

function nodeProgram(texts: FolderTexts, folderName: string): Found | undefined {
  const file = ["server.mjs", "server.js", "index.js", "index.mjs", "app.js"].find((one) => texts[one] !== undefined);
  const described = jsonOf(texts["package.json"]);
  if (file === undefined && described === undefined) return undefined;
  const start = described?.scripts?.start;
  const started = start === undefined ? undefined : /^node\s+(\S+)/.exec(start)?.[1];
  const entry = started ?? described?.main ?? file ?? "server.js";
  const source = texts[entry.replace(/^\.\//, "")] ?? "";
  const takesSocket = /LISTEN_FDS|fd:\s*3\b/.test(source);
  const takesAddress = /--addr\b|\baddr:\s*\{/.test(source);
  const install = texts["package-lock.json"] === undefined ? "" : " && npm ci --omit=dev --prefix build";
  const compile = described?.scripts?.build === undefined ? "" : "npm ci && npm run build && ";
  return {
    what: `a Node program${takesSocket ? " that takes its sockets from LISTEN_FDS" : ""} (${texts["package.json"] === undefined ? entry : "package.json"})`,
    name: plainName(described?.name?.replace(/^@[^/]*\//, "") ?? folderName),
    ...{ preset: takesSocket ? "node" : "restart", isSeen: takesSocket },
    build: { run: `${compile}${COPY}${install}`, path: "build" },
    command: `/usr/bin/node {current}/${entry.replace(/^\.\//, "")}${takesAddress ? " --addr HOST:PORT" : ""}`,
    notes: [
      ...(install === "" && described?.dependencies !== undefined
        ? ["where the packages come from: without a package-lock.json, the build has no node_modules"]
        : []),
      ...(takesSocket
        ? []
        : ["the reload: with LISTEN_FDS there would be no gap, and zdr init --sample node-listenfds shows how"]),
    ],
  };
}

interface PackageJson {
  readonly name?: string;
  readonly main?: string;
  readonly scripts?: { readonly start?: string; readonly build?: string };
  readonly dependencies?: unknown;
}

function jsonOf(text: string | undefined): PackageJson | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

/** The first section of a program in a file that looks like supervisor's. */
function supervisorSection(texts: FolderTexts) {
  for (const [file, text] of Object.entries(texts)) {
    if (!/\.(?:conf|ini)$/.test(file)) continue;
    const [, name, body = ""] = /^\[program:([^\]\s]+)\]([^[]*)/m.exec(text) ?? [];
    if (name === undefined) continue;
    const value = (key: string) => new RegExp(`^${key}\\s*=\\s*(.+?)\\s*$`, "m").exec(body)?.[1];
    const [command = "", user] = [value("command"), value("user")];
    return { file, name: plainName(name), command, ...(user === undefined ? {} : { user }) };
  }
  return undefined;
}

function unknownProgram(name: string, command: string, file: string): Found {
  const [binary = "", ...args] = command.split(/\s+/);
  const base = binary.split("/").at(-1) ?? "";
  return {
    ...{ what: `the program of ${file}`, name, preset: "restart", isSeen: false, build: { path: "build" } },
    command: [`bin/${base === "" ? name : base}`, ...args].join(" "),
    notes: ["build: what makes the build, and where it lies"],
  };
}

/** Letters, digits, `.`, `_` and `-`, as names in deploy.yml are. */
export function plainName(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return plain === "" ? "app" : plain;
}
