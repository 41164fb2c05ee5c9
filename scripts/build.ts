/**
 * Bundles what is installed and what is sent to hosts, into `dist/`:
 *
 *   zdr.cjs       the command: looks at the Node version, loads cli.cjs with V8's cache of it
 *   cli.cjs       cli/main.ts with all it needs; a dynamic `import()` in it stays lazy
 *   agent.cjs     agent/main.ts, one file that runs alone on Node 18
 *   prove.cjs     agent/prove-main.ts, likewise
 *   keeper.cjs    agent/keeper/main.ts, likewise
 *   page.js       cli/page/main.ts, for the browsers of those who read a report
 *   page.css      cli/page/style.css
 *   LICENSES.txt  of the packages that stand in them
 *
 * CommonJS, because ssh2 does not start from an ES module bundle. Its native addon and cpu-features are left out: both
 * are looked for in a `try` and are optional. Each file is put in place by a rename, so a build never breaks a zdr that
 * is being started.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { engineSentence, parseEngines } from "./engines.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface BuildPlan {
  readonly cli: string;
  readonly agent: string;
  readonly prove: string;
  readonly keeper: string;
  /** The folder with main.ts and style.css. */
  readonly page: string;
  readonly outDir: string;
  /** Modules of the agent that others stand in for, by their absolute paths. Nothing that is delivered has any. */
  readonly standIns?: Readonly<Record<string, string>>;
}

export const DEFAULT_PLAN: BuildPlan = {
  cli: join(ROOT, "cli/main.ts"),
  agent: join(ROOT, "agent/main.ts"),
  prove: join(ROOT, "agent/prove-main.ts"),
  keeper: join(ROOT, "agent/keeper/main.ts"),
  page: join(ROOT, "cli/page"),
  outDir: join(ROOT, "dist"),
};

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly engines: { readonly node: string };
}

async function readPackage(folder: string): Promise<PackageFile> {
  return JSON.parse(await readFile(join(ROOT, folder, "package.json"), "utf8"));
}

const SHARED = {
  bundle: true,
  absWorkingDir: ROOT,
  platform: "node",
  format: "cjs",
  // One byte a character in V8, and half the time to read. What esbuild cannot escape fails the build (requireAscii).
  charset: "ascii",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  external: ["*.node", "cpu-features"],
  // Names stay, so that a stack in a bug report can be read.
  minifySyntax: true,
  minifyWhitespace: true,
} satisfies BuildOptions;

/** What packages load at every start for parts of them that zdr never calls: a third of their time. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  // a server, tunnels for HTTP, the making of keys, SFTP
  ssh2: ["./server.js", "./http-agents.js", "./keygen.js", "./protocol/SFTP.js"],
  // uploads of folders
  "node-ssh": ["make-dir", "sb-promise-queue", "sb-scandir"],
};

/** Puts an empty module in their place. A package that does not load them any more fails the build, so that somebody looks. */
const leaveOut: Plugin = {
  name: "leave-out",
  setup(build) {
    const missing = new Map<string, Set<string>>();
    build.onResolve({ filter: /./, namespace: "file" }, ({ path, importer }) => {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/[^:]*$/.exec(importer)?.[1] ?? "";
      const paths = LEFT_OUT[name];
      if (paths === undefined) return undefined;
      const left = missing.get(name) ?? new Set(paths);
      missing.set(name, left);
      left.delete(path);
      return paths.includes(path) ? { path, namespace: "left-out" } : undefined;
    });
    build.onLoad({ filter: /./, namespace: "left-out" }, () => ({ contents: "module.exports = {};" }));
    build.onEnd(() => {
      const found = [...missing].flatMap(([name, paths]) => [...paths].map((path) => `${name} does not load ${path}`));
      return { errors: found.map((text) => ({ text })) };
    });
  },
};

/** Only called: loaded with the first call of one of these, which most commands never make. */
const CALLED_LATE: Readonly<Record<string, { readonly by: RegExp; readonly names: readonly string[] }>> = {
  "node:child_process": { by: /^(?!.*node_modules)/, names: ["execFile", "execFileSync", "spawn", "spawnSync"] },
  // for keys that are encrypted
  "bcrypt-pbkdf": { by: /node_modules\/ssh2\//, names: ["pbkdf"] },
};

/** Puts functions in their place that load them. Another import of theirs fails the build, as a name that is not there. */
const callLate: Plugin = {
  name: "call-late",
  setup(build) {
    build.onResolve({ filter: /^[a-z]/, namespace: "file" }, ({ path, importer, resolveDir }) =>
      Object.hasOwn(CALLED_LATE, path) && CALLED_LATE[path]?.by.test(importer)
        ? { path, namespace: "called-late", pluginData: resolveDir }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: "called-late" }, ({ path, pluginData: resolveDir }) => ({
      contents: (CALLED_LATE[path]?.names ?? [])
        .map((name) => `export const ${name} = (...args) => require("${path}").${name}(...args);`)
        .join("\n"),
      resolveDir,
    }));
  },
};

/** What the command's bundle is made with, beside what all are. */
export const CLI_PLUGINS: Plugin[] = [leaveOut, callLate];

/** Fails the build where nothing imports a module that has a stand-in. */
function standIn(files: Readonly<Record<string, string>>): Plugin {
  return {
    name: "stand-in",
    setup(build) {
      const left = new Set(Object.keys(files));
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const wanted = join(resolveDir, path);
        left.delete(wanted);
        return files[wanted] === undefined ? undefined : { path: files[wanted] };
      });
      build.onEnd(() => ({ errors: [...left].map((file) => ({ text: `nothing imports ${file}` })) }));
    },
  };
}

async function bundle(entry: string, outfile: string, options: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({ ...SHARED, ...options, entryPoints: [entry], outfile, metafile: true });
  return metafile;
}

function bundleCli(entry: string, outfile: string, version: string): Promise<Metafile> {
  return bundle(entry, outfile, {
    target: "node22",
    plugins: CLI_PLUGINS,
    define: {
      ZDR_VERSION: JSON.stringify(version),
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
      "import.meta.url": "importMetaUrl",
    },
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
}

/** It runs in a page and not on a Node, and nobody reads its stacks. */
function bundlePage(entry: string, outfile: string): Promise<Metafile> {
  return bundle(entry, outfile, { platform: "browser", format: "iife", target: "es2022", minify: true, external: [] });
}

/** In tagged templates and in regular expressions esbuild leaves characters as they are. */
async function requireAscii(file: string): Promise<void> {
  const found = /.{0,60}[^\0-\x7f].{0,20}/.exec(await readFile(file, "utf8"));
  if (found !== null)
    throw new Error(`${file} is not ASCII: …${found[0]}…: write it as an escape or as an HTML entity`);
}

async function writeLauncher(file: string, cli: string, engines: string): Promise<void> {
  const hash = createHash("sha256")
    .update(await readFile(cli))
    .digest("hex")
    .slice(0, 16);
  const text = (await readFile(join(ROOT, "scripts/launcher.cjs"), "utf8"))
    .replaceAll("CLI_HASH", hash)
    .replace("SUPPORTED_NODE", JSON.stringify(parseEngines(engines)))
    .replace("ENGINES", JSON.stringify(engineSentence(engines)));
  await writeFile(file, `#!/usr/bin/env node\n${text}`);
  await chmod(file, 0o755);
}

/** The licences of what stands in the bundles: most of them ask to travel with the code. */
async function licencesOf(metafiles: readonly Metafile[]): Promise<string> {
  const folders = new Set<string>();
  for (const input of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) {
    const match = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    if (match !== null) folders.add(match[0]);
  }
  const texts = await Promise.all([...folders].sort().map(licenceOf));
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, license = "no license named" } = await readPackage(folder);
  const file = (await readdir(join(ROOT, folder))).find((candidate) => /^licen[cs]e/i.test(candidate));
  const text = file === undefined ? "" : await readFile(join(ROOT, folder, file), "utf8");
  return `${name} ${version} (${license})\n\n${text}`;
}

export interface BuiltFile {
  readonly name: string;
  readonly bytes: number;
}

export async function buildAll({
  cli,
  agent,
  prove,
  keeper,
  page,
  outDir,
  standIns = {},
}: BuildPlan): Promise<readonly BuiltFile[]> {
  const { version, engines } = await readPackage(".");
  await mkdir(outDir, { recursive: true });
  const work = await mkdtemp(join(dirname(outDir), ".build-"));
  try {
    const metafiles = await Promise.all([
      bundleCli(cli, join(work, "cli.cjs"), version),
      bundle(agent, join(work, "agent.cjs"), { target: "node18", plugins: [standIn(standIns), callLate] }),
      bundle(prove, join(work, "prove.cjs"), { target: "node18" }),
      bundle(keeper, join(work, "keeper.cjs"), { target: "node18" }),
      bundlePage(join(page, "main.ts"), join(work, "page.js")),
      bundlePage(join(page, "style.css"), join(work, "page.css")),
    ]);
    for (const name of ["cli.cjs", "agent.cjs", "prove.cjs", "keeper.cjs"]) await requireAscii(join(work, name));
    await writeFile(join(work, "LICENSES.txt"), await licencesOf(metafiles));
    await writeLauncher(join(work, "zdr.cjs"), join(work, "cli.cjs"), engines.node);
    const names = ["zdr.cjs", "cli.cjs", "agent.cjs", "prove.cjs", "keeper.cjs", "page.js", "page.css", "LICENSES.txt"];
    for (const name of names) await rename(join(work, name), join(outDir, name));
    return Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(outDir, name))).size })));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    for (const { name, bytes } of await buildAll(DEFAULT_PLAN)) {
      process.stdout.write(`dist/${name.padEnd(12)} ${(bytes / 1024).toFixed(0).padStart(6)} KiB\n`);
    }
  } catch (error) {
    // esbuild has printed its own findings, with the code.
    if (!(error instanceof Error && "errors" in error)) throw error;
    process.exitCode = 1;
  }
}
