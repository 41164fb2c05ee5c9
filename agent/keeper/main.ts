/**
 * dist/keeper.cjs: what supervisor runs in a program's place, as the program's user. `keeper.cjs <run/program.json>`
 *
 * The handlers stand before anything is started: without one, HUP or USR2 would end the keeper and leave the program to
 * nobody, and USR1 would open Node's debugger.
 */
import { realpathSync, writeSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createKeeper } from "./keeper.ts";
import { keeperPaths, PASSED_SIGNALS } from "./spec.ts";

/** Into the program's log. Whoever reads it may be gone, and that is no reason to go as well. */
function say(line: string): void {
  try {
    writeSync(2, `zdr-keeper: ${line}\n`);
  } catch {}
}

function fail(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

const [, bundle = "", spec] = process.argv;
if (spec === undefined) {
  say("usage: keeper.cjs run/<program>.json");
  process.exit(2);
}
const keeper = createKeeper({
  paths: keeperPaths(resolve(spec)),
  bundle: basename(realpathSync(bundle)),
  say,
  exit: (code) => process.exit(code),
});
for (const name of ["TERM", "INT", ...PASSED_SIGNALS]) process.on(`SIG${name}`, () => keeper.signal(name));
// A bug here must not take the program with it: whoever deploys next sees it in the log. Where it leaves nothing to wait
// for, Node would end with 0, which supervisor takes for a stop.
process.exitCode = 1;
process.on("uncaughtException", (error) => say(`bug: ${error.stack ?? error.message}`));
process.on("unhandledRejection", (error) => say(`bug: ${String(error)}`));
keeper.run().catch(fail);
