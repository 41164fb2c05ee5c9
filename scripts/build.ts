/**
 * Bundles what is installed and what is sent to hosts, into `dist/`:
 *
 *   zdr.cjs     the command: looks at the Node version, turns the compile cache on, loads cli.cjs
 *   cli.cjs     cli/main.ts with all it needs; a dynamic `import()` in it stays lazy
 *   agent.cjs   agent/main.ts, one file that runs alone on Node 18
 *   prove.cjs   agent/prove-main.ts, likewise
 *   agents.json name and sha256 of the last two, so that the CLI need not hash them at each start
 *
 * CommonJS, because ssh2 does not start from an ES module bundle. Its native addon and cpu-features are left out: both
 * are looked for in a `try` and are optional.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface BuildPlan {
  readonly cli: string;
  readonly agent: string;
  readonly prove: string;
  readonly outDir: string;
}

export const DEFAULT_PLAN: BuildPlan = {
  cli: join(ROOT, "cli/main.ts"),
  agent: join(ROOT, "agent/main.ts"),
  prove: join(ROOT, "agent/prove-main.ts"),
  outDir: join(ROOT, "dist"),
};

const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };

const shared = {
  bundle: true,
  platform: "node",
  format: "cjs",
  charset: "ascii",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  external: ["*.node", "cpu-features"],
  // Names of functions stay, so that a stack in a bug report can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  define: {
    ZDR_VERSION: JSON.stringify(VERSION),
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
    "import.meta.url": "importMetaUrl",
  },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
} satisfies BuildOptions;

export interface NodeRange {
  readonly floor: readonly [number, number, number];
  /** `^22.22.2`: only that major; `>=26`: that one and all later. */
  readonly sameMajor: boolean;
}

/** Reads `engines.node`; only `^a.b.c` and `>=a.b.c` joined by `||` are understood, anything else throws. */
export function parseEngines(engines: string): readonly NodeRange[] {
  return engines.split("||").map((part) => {
    const match = /^(\^|>=)(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(part.trim());
    if (match === null) throw new Error(`engines.node has a range that the launcher can not read: ${part.trim()}`);
    const [, operator, major, minor, patch] = match;
    return { floor: [Number(major), Number(minor ?? 0), Number(patch ?? 0)], sameMajor: operator === "^" };
  });
}

const sentenceOf = (engines: string) =>
  engines
    .split("||")
    .map((part) =>
      part
        .trim()
        .replace(/^\^/, "")
        .replace(/^>=(\S+)$/, "$1 or newer"),
    )
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");

async function bundleLauncher(outDir: string): Promise<void> {
  const { engines } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } };
  const text = (await readFile(join(ROOT, "scripts/launcher.cjs"), "utf8"))
    .replace("SUPPORTED_NODE", JSON.stringify(parseEngines(engines.node)))
    .replace("ENGINES", JSON.stringify(sentenceOf(engines.node)));
  const file = join(outDir, "zdr.cjs");
  await writeFile(file, `#!/usr/bin/env node\n${text}`);
  await chmod(file, 0o755);
}

async function bundle(entry: string, outfile: string, target: string): Promise<Metafile> {
  const { metafile } = await build({ ...shared, entryPoints: [entry], outfile, target, absWorkingDir: ROOT });
  return metafile;
}

/** The licence texts of what stands in the bundles: most of them ask to travel with the code. */
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
  const { name, version, license } = JSON.parse(await readFile(join(ROOT, folder, "package.json"), "utf8"));
  const names = ["LICENSE", "LICENSE.md", "LICENCE", "license", "License", "LICENSE-MIT"];
  const texts = await Promise.all(names.map((file) => readFile(join(ROOT, folder, file), "utf8").catch(() => "")));
  return `${name} ${version} (${license})\n\n${texts.find((text) => text !== "") ?? ""}`;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Builds all of it; an agent that is not there is left out, which only tests of the build itself make use of. */
export async function buildAll(plan: BuildPlan): Promise<readonly { file: string; bytes: number }[]> {
  await rm(plan.outDir, { recursive: true, force: true });
  await mkdir(plan.outDir, { recursive: true });
  await bundleLauncher(plan.outDir);
  const jobs = [
    { entry: plan.cli, name: "cli.cjs", target: "node22", isSent: false },
    { entry: plan.agent, name: "agent.cjs", target: "node18", isSent: true },
    { entry: plan.prove, name: "prove.cjs", target: "node18", isSent: true },
  ];
  const metafiles: Metafile[] = [];
  const sizes = [];
  const agents: Record<string, { file: string; sha256: string }> = {};
  for (const { entry, name, target, isSent } of jobs) {
    if (!(await exists(entry))) {
      process.stdout.write(`${name.padEnd(12)} left out: ${relative(ROOT, entry)} is not there\n`);
      continue;
    }
    const file = join(plan.outDir, name);
    metafiles.push(await bundle(entry, file, target));
    const content = await readFile(file);
    sizes.push({ file: name, bytes: content.length });
    if (isSent) {
      agents[name.replace(/\.cjs$/, "")] = { file: name, sha256: createHash("sha256").update(content).digest("hex") };
    }
  }
  await writeFile(join(plan.outDir, "agents.json"), `${JSON.stringify(agents, null, 2)}\n`);
  await writeFile(join(plan.outDir, "LICENSES.txt"), await licencesOf(metafiles));
  return sizes;
}

if (import.meta.main) {
  for (const { file, bytes } of await buildAll(DEFAULT_PLAN)) {
    process.stdout.write(`${file.padEnd(12)} ${(bytes / 1024).toFixed(0).padStart(6)} KiB\n`);
  }
}
