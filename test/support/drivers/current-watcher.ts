/** The process behind crash/watch.ts: looks at `current` a thousand times a second, and verifies what it names whenever that changes. */
import { readlinkSync } from "node:fs";
import { layoutOf } from "../../../agent/core/layout.ts";
import { verifyRelease } from "../../../agent/io/release/release-store.ts";
import type { WatchMessage } from "../crash/watch.ts";

const LOOK_INTERVAL_MS = 1;
const layout = layoutOf(process.argv[2] ?? "");
const problems: string[] = [];
let verifying = Promise.resolve();
let named = "";
let looks = 0;

function look(): void {
  looks++;
  const target = linkText();
  if (target === named) return;
  named = target;
  const tag = /^releases\/([^/]+)$/.exec(target)?.[1];
  if (tag === undefined) problems.push(`current: ${target}`);
  else verifying = verifying.then(() => verify(tag));
}

function linkText(): string {
  try {
    return readlinkSync(layout.current);
  } catch (error) {
    return String(error);
  }
}

async function verify(tag: string): Promise<void> {
  try {
    const wrong = await verifyRelease(layout, tag);
    if (wrong !== undefined) problems.push(`current named ${tag}, in which ${wrong} is not what its manifest says`);
  } catch (error) {
    problems.push(`current named ${tag}: ${error}`);
  }
}

const say = (message: WatchMessage) => process.send?.(message);

setInterval(look, LOOK_INTERVAL_MS);
process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  look();
  void verifying.then(() => say({ looks, problems: problems.splice(0) }));
});
look();
say({ looks, problems: [] });
