/**
 * Everything that is quick enough to run at every commit: types, lint and format, import directions, dead code, unit
 * tests. All at once; each prints when it is done, and the whole output of those that failed comes last.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const bin = (name: string) => join(ROOT, "node_modules/.bin", name);

const CHECKS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  types: [bin("tsc"), "--noEmit"],
  "page types": [bin("tsc"), "--noEmit", "--project", "cli/page"],
  lint: [bin("biome"), "check", "--colors=off", "."],
  imports: [process.execPath, "scripts/check-imports.ts"],
  "dead code": [bin("knip"), "--no-progress"],
  "bench tables": [process.execPath, "scripts/bench-docs.ts", "--check"],
  "crash tables": [process.execPath, "scripts/reliability-docs.ts", "--check"],
  reference: [process.execPath, "scripts/reference-docs.ts", "--check"],
  "strategy tables": [process.execPath, "scripts/strategy-docs.ts", "--check"],
  "unit tests": [process.execPath, "--test", "--test-reporter=spec", "test/unit/**/*.test.ts"],
};

interface Outcome {
  readonly name: string;
  readonly isGood: boolean;
  readonly output: string;
}

function runCheck(name: string, [file, ...args]: readonly [string, ...string[]]): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let output = "";
    // The tools are scripts for the Node that runs this, whichever one stands in PATH.
    const env = { ...process.env, PATH: `${join(process.execPath, "..")}:${process.env.PATH}` };
    const child = spawn(file, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ name, isGood: false, output: error.message }));
    child.on("close", (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name.padEnd(12)} ${seconds.padStart(5)} s\n`);
      resolve({ name, isGood: code === 0, output });
    });
  });
}

/** The counts that node's test runner ends with: they tell that tests were run at all. */
const summaryOf = (output: string) => output.match(/^ℹ (?:tests|pass|fail) .*$/gm)?.join("  ") ?? "";

const outcomes = await Promise.all(Object.entries(CHECKS).map(([name, command]) => runCheck(name, command)));
for (const { name, isGood, output } of outcomes) {
  if (!isGood) process.stdout.write(`\n${"-".repeat(20)} ${name}\n${output}`);
  else if (name === "unit tests") process.stdout.write(`${summaryOf(output)}\n`);
}
process.exitCode = outcomes.every(({ isGood }) => isGood) ? 0 : 1;
