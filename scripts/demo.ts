/**
 * `make demo`: zdr at work on a host that exists for a minute. A private supervisord and a private sshd on loopback, in a
 * temporary folder, with the gunicorn sample as the program; a load runs over it while releases come and go. Fails when
 * anything went otherwise than told here, so it can stand in for a test.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { textAt } from "../test/support/load/ask.ts";
import { type LoadResult, startLoad } from "../test/support/load/load.ts";
import { type Rig, startRig } from "../test/support/rig.ts";

const ZDR = join(fileURLToPath(new URL("..", import.meta.url)), "dist/zdr.cjs");
const EXIT_REVERTED = 7;
const LOAD = { freshPerSecond: 100, ratePerSecond: 100, keepAliveConnections: 8 };
/** Requests before and after each command, so that the load is seen to run. */
const MARGIN = 100;
/** Shorter than the defaults: nobody wants to watch a watch. */
const WATCH = "2s";
const HEALTH_TIMEOUT = "5s";

const surprises: string[] = [];
const isTTY = process.stdout.isTTY === true;
const print = (text: string) => void process.stdout.write(`${text}\n`);
const title = (text: string) => print(isTTY ? `\n\u001b[1m${text}\u001b[0m` : `\n## ${text}`);

/** Runs zdr as a user would, its output going straight to the terminal. */
function zdr(rig: Rig, args: readonly string[], wantedExit = 0): Promise<void> {
  print(`$ zdr ${args.join(" ")}`);
  const env = { ...process.env, ...rig.env, NO_COLOR: process.env.NO_COLOR };
  const child = spawn(process.execPath, [ZDR, ...args], {
    cwd: rig.project,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) print(`(exit ${code})`);
      if (code !== wantedExit) surprises.push(`zdr ${args.join(" ")} ended with ${code}, not with ${wantedExit}`);
      resolve();
    });
  });
}

/** Does something while the load runs, and says what became of the requests. */
async function underLoad(url: string, work: () => Promise<void>): Promise<void> {
  const load = await startLoad({ url, ...LOAD });
  try {
    await load.reached(MARGIN);
    await work();
    await load.reached(load.counts().sent + MARGIN);
  } finally {
    report(await load.stop());
  }
}

function report({ sent, failed, reconnects, slowestMs, releases }: LoadResult): void {
  const answered = Object.entries(releases).map(([release, count]) => `${count} by ${release}`);
  print(`load: ${sent} requests, ${failed} failed, answered ${answered.join(" and ")}`);
  print(
    `      ${reconnects} of them on a new connection after a kept-alive one was closed; slowest ${slowestMs.toFixed(0)} ms`,
  );
  if (failed > 0) surprises.push(`${failed} of ${sent} requests failed`);
}

async function expectRelease(url: string, release: string): Promise<void> {
  const answer = await textAt(`${url}/version`);
  print(`GET /version: ${answer}`);
  if (answer !== release) surprises.push(`${answer} answers where ${release} should`);
}

async function play(rig: Rig): Promise<void> {
  const { url } = await rig.addSample("gunicorn", { watch: WATCH }, { timeout: HEALTH_TIMEOUT });
  print(`A host in ${rig.dir}: sshd on port ${rig.sshd?.port}, supervisord with pid ${rig.supervisord.pid}.`);
  print(`Its program, a gunicorn with two workers, will serve ${url}`);
  const use = (release: string, variant?: "unhealthy") =>
    rig.useSample("gunicorn", { release, ...(variant === undefined ? {} : { variant }) });

  title("1. The first deploy: the program is down, so it is started");
  await use("v1");
  await zdr(rig, ["setup"]);
  await zdr(rig, ["deploy", "--tag", "v1"]);
  await expectRelease(url, "v1");

  title("2. The second deploy, under load: the program is up, so it is reloaded");
  await use("v2");
  await zdr(rig, ["deploy", "--tag", "v2", "--dry-run"]);
  await underLoad(url, () => zdr(rig, ["deploy", "--tag", "v2"]));
  await expectRelease(url, "v2");

  title("3. A broken release, under load: it never gets healthy, so the old one is put back");
  await use("v3", "unhealthy");
  await underLoad(url, () => zdr(rig, ["deploy", "--tag", "v3"], EXIT_REVERTED));
  print("(zdr's own meter asks the health check, which v3 failed; the load asks for a page, which v3 had.)");
  await expectRelease(url, "v2");

  title("4. Rollback, under load: to the last release that was proved before this one");
  await underLoad(url, () => zdr(rig, ["rollback"]));
  await expectRelease(url, "v1");

  title("5. What is where");
  await zdr(rig, ["status"]);
  await zdr(rig, ["releases"]);
}

const cleaning: (() => Promise<void>)[] = [];
const cleanUp = async () => {
  for (const clean of cleaning.splice(0)) await clean();
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(signal === "SIGINT" ? 130 : 143)));
}
const rig = await startRig({ after: (clean) => void cleaning.push(clean) }, { via: "ssh" });
try {
  await play(rig);
} finally {
  await cleanUp();
}
title(surprises.length === 0 ? "All went as told; everything is cleaned up." : "This went otherwise:");
for (const surprise of surprises) print(`- ${surprise}`);
process.exitCode = surprises.length === 0 ? 0 : 1;
