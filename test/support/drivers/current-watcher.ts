/** The process behind crash/watch.ts: looks at each `current` a thousand times a second, and verifies what it names whenever that changes. */
import { readlinkSync } from "node:fs";
import { type Layout, layoutOf } from "../../../agent/core/layout.ts";
import { verifyRelease } from "../../../agent/io/release/release-store.ts";
import type { WatchMessage, WatchOrder } from "../crash/watch.ts";

const LOOK_INTERVAL_MS = 1;

class Watched {
  readonly #layout: Layout;
  readonly #problems: string[] = [];
  #verifying = Promise.resolve();
  #named = "";
  #looks = 0;

  constructor(deployTo: string) {
    this.#layout = layoutOf(deployTo);
  }

  look(): void {
    this.#looks++;
    const target = this.#linkText();
    if (target === this.#named) return;
    this.#named = target;
    const tag = /^releases\/([^/]+)$/.exec(target)?.[1];
    if (tag === undefined) this.#problems.push(`current: ${target}`);
    else this.#verifying = this.#verifying.then(() => this.#verify(tag));
  }

  async take(): Promise<Omit<WatchMessage, "deployTo">> {
    this.look();
    await this.#verifying;
    return { looks: this.#looks, problems: this.#problems.splice(0) };
  }

  #linkText(): string {
    try {
      return readlinkSync(this.#layout.current);
    } catch (error) {
      return String(error);
    }
  }

  async #verify(tag: string): Promise<void> {
    try {
      const wrong = await verifyRelease(this.#layout, tag);
      if (wrong !== undefined)
        this.#problems.push(`current named ${tag}, in which ${wrong} is not what its manifest says`);
    } catch (error) {
      this.#problems.push(`current named ${tag}: ${error}`);
    }
  }
}

const all = new Map<string, Watched>();

setInterval(() => {
  for (const one of all.values()) one.look();
}, LOOK_INTERVAL_MS);
process.on("disconnect", () => process.exit(0));
process.on("message", (deployTo: WatchOrder) => {
  const one = all.get(deployTo) ?? new Watched(deployTo);
  all.set(deployTo, one);
  void one.take().then((seen) => process.send?.({ deployTo, ...seen } satisfies WatchMessage));
});
