/**
 * The directions in which this code may import, as data and pure checks. check-imports.ts walks the tree and hands the
 * files in; the reasons stand in ARCHITECTURE.md.
 */
import { posix } from "node:path";

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly problem: string;
}

/** One package, one door: replacing a package is a change in these files and nowhere else. */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  commander: ["cli/program.ts", "cli/program/verb.ts"],
  "node-ssh": ["cli/io/ssh.ts"],
  "ssh-config": ["cli/io/ssh/user-config.ts"],
  ini: ["agent/core/supervisor/supervisor-config.ts"],
  yaml: ["cli/core/config/yaml-source.ts"],
  "chart.js": ["cli/page/drawing.ts"],
  tar: ["agent/io/release/receive.ts", "cli/io/build/tar-header.ts", "cli/io/archive/members.ts"],
};
/** Packages with one door in a folder, whichever file that is. */
export const SINGLE_DOOR_FOLDERS: Readonly<Record<string, string>> = { listr2: "cli/io/" };

const FORBIDDEN_FOLDERS = new Set(["utils", "util", "helpers", "common", "lib", "types"]);
const FOLDER_LIMIT = 15;

/** What each layer may import of this repository, by prefix; a file belongs to the first prefix that fits it. */
const LAYERS: readonly { readonly of: string; readonly may: readonly string[] }[] = [
  { of: "agent/wire/", may: ["agent/wire/"] },
  { of: "agent/protocol.ts", may: ["agent/wire/"] },
  { of: "agent/keeper/machine", may: ["agent/keeper/machine"] },
  { of: "agent/keeper/", may: ["agent/keeper/", "agent/core/layout.ts", "agent/core/process/", "agent/io/process/"] },
  { of: "agent/core/", may: ["agent/core/", "agent/protocol.ts", "agent/wire/", "templates/supervisor/"] },
  { of: "agent/io/", may: ["agent/io/", "agent/core/", "agent/protocol.ts", "agent/wire/"] },
  { of: "agent/", may: ["agent/", "templates/"] },
  { of: "cli/failure.ts", may: ["agent/protocol.ts", "agent/wire/"] },
  { of: "cli/core/", may: ["cli/core/", "cli/failure.ts", "agent/protocol.ts", "agent/wire/"] },
  { of: "cli/explain", may: ["cli/explain", "cli/core/", "cli/failure.ts", "agent/protocol.ts", "agent/wire/"] },
  { of: "cli/io/", may: ["cli/io/", "cli/core/", "cli/failure.ts", "cli/explain", "agent/protocol.ts", "agent/wire/"] },
  {
    of: "cli/commands/",
    may: [
      "cli/commands/",
      "cli/io/",
      "cli/core/",
      "cli/failure.ts",
      "cli/explain",
      "cli/run.ts",
      "agent/protocol.ts",
      "agent/wire/",
    ],
  },
  // In a browser: what it shares with the command are shapes.
  { of: "cli/page/", may: ["cli/page/", "cli/core/page/"] },
  { of: "cli/", may: ["cli/", "agent/protocol.ts", "agent/wire/"] },
  {
    of: "scripts/",
    // cli/program: the reference is made from the command line itself.
    may: ["scripts/", "cli/core/", "cli/program", "agent/core/", "agent/protocol.ts", "agent/wire/", "test/support/"],
  },
  { of: "templates/", may: [] },
  { of: "test/", may: ["test/", "cli/", "agent/", "scripts/", "templates/"] },
];

/** What `core/` must not touch: it would make a decision depend on when and where it is taken. */
const IMPURE: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\bnew Date\(\s*\)|\bDate\.now\b|\bperformance\.now\b/, what: "a clock" },
  // Not every member: a local variable may well be named process, since that is what it is.
  {
    pattern: /\bprocess\.(?:env|argv|cwd|exit|std\w+|on|once|kill|hrtime|platform|versions?|nextTick|get\w+)\b/,
    what: "process",
  },
  { pattern: /\bPromise\b|\basync\b|\bawait\b|\.then\(/, what: "a promise" },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/, what: "a timer" },
  { pattern: /\bMath\.random\b|\bcrypto\.(?:randomUUID|getRandomValues)\b/, what: "chance" },
  { pattern: /\bfetch\(|\bconsole\./, what: "the outside" },
];

const isCore = (path: string) => /^(?:cli|agent)\/core\/|^agent\/keeper\/machine\b/.test(path);

interface Import {
  readonly line: number;
  readonly specifier: string;
}

/** Comments become blanks, so that line numbers stay; strings stay, since specifiers are strings. */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, " ");
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (whole, string: string | undefined) => string ?? blank(whole),
  );
}

/** Also the words in strings go, for checks of what code does. */
const withoutStrings = (code: string) =>
  code.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (whole) => `"${" ".repeat(whole.length - 2)}"`);

const lineAt = (text: string, index: number) => text.slice(0, index).split("\n").length;

/** Static and dynamic imports, re-exports and `require` of one file. */
export function importsOf(text: string): readonly Import[] {
  const code = withoutComments(text);
  const outside = withoutStrings(code);
  const found: Import[] = [];
  const patterns = [
    /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/g,
    /\bimport\s*["']([^"']+)["']/g,
    /\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const isQuoted = outside[match.index] !== code[match.index];
      if (!isQuoted) found.push({ line: lineAt(code, match.index), specifier: match[1] ?? "" });
    }
  }
  return found;
}

const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

function* checkImport(file: SourceFile, { line, specifier }: Import): Generator<Violation> {
  const violation = (problem: string) => ({ path: file.path, line, problem });
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(file.path), specifier);
    const layer = LAYERS.find(({ of }) => file.path.startsWith(of));
    const isAllowed = layer?.may.some((prefix) => target.startsWith(prefix)) ?? true;
    if (target.startsWith("test/") && !/^(?:test|scripts)\//.test(file.path)) yield violation("imports test/");
    else if (!isAllowed) yield violation(`${layer?.of ?? ""} must not import ${target}`);
    if (!/\.(?:ts|json)$/.test(specifier)) yield violation(`${specifier} is not spelled with its .ts`);
    return;
  }
  if (isCore(file.path) && specifier.startsWith("node:") && !/^node:path(?:\/|$)/.test(specifier)) {
    yield violation(`core imports ${specifier}`);
  }
  if (/^(?:test|scripts)\//.test(file.path)) return;
  const name = packageOf(specifier);
  const doors = Object.hasOwn(DOORS, name) ? DOORS[name] : undefined;
  if (doors !== undefined && !doors.includes(file.path)) yield violation(`${name} has its door in ${doors.join(", ")}`);
}

function* checkText(file: SourceFile): Generator<Violation> {
  const code = withoutStrings(withoutComments(file.text));
  const at = (index: number, problem: string) => ({ path: file.path, line: lineAt(code, index), problem });
  const defaultExport = /\bexport\s+default\b|\bas\s+default\b/.exec(code);
  if (defaultExport !== null) yield at(defaultExport.index, "default export");
  if (!isCore(file.path)) return;
  for (const { pattern, what } of IMPURE) {
    const match = pattern.exec(code);
    if (match !== null) yield at(match.index, `core uses ${what}: ${match[0].trim()}`);
  }
}

function* checkFolders(files: readonly SourceFile[]): Generator<Violation> {
  const sizes = new Map<string, number>();
  for (const { path } of files) {
    const folder = posix.dirname(path);
    sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
    const forbidden = folder.split("/").find((name) => FORBIDDEN_FOLDERS.has(name));
    if (forbidden !== undefined) yield { path, line: 1, problem: `a folder named ${forbidden}` };
    if (/^index\.[cm]?[jt]s$/.test(posix.basename(path))) yield { path, line: 1, problem: "a barrel" };
  }
  for (const [folder, size] of sizes) {
    if (size > FOLDER_LIMIT) yield { path: folder, line: 1, problem: `${size} files, more than ${FOLDER_LIMIT}` };
  }
}

function* checkSingleDoors(files: readonly SourceFile[]): Generator<Violation> {
  for (const [name, folder] of Object.entries(SINGLE_DOOR_FOLDERS)) {
    const users = files
      .filter(({ path }) => !/^(?:test|scripts)\//.test(path))
      .filter(({ text }) => importsOf(text).some(({ specifier }) => packageOf(specifier) === name));
    for (const { path } of users) {
      if (!path.startsWith(folder)) yield { path, line: 1, problem: `${name} has its door in ${folder}` };
      else if (users.length > 1) yield { path, line: 1, problem: `${name} has ${users.length} doors` };
    }
  }
}

/** Everything that is wrong with these files; one finding at least when there are none, since then nothing was checked. */
export function checkFiles(files: readonly SourceFile[]): readonly Violation[] {
  if (files.length === 0) return [{ path: ".", line: 0, problem: "no file was looked at" }];
  return [
    ...files.flatMap((file) => importsOf(file.text).flatMap((found) => [...checkImport(file, found)])),
    ...files.flatMap((file) => [...checkText(file)]),
    ...checkFolders(files),
    ...checkSingleDoors(files),
  ];
}
