/**
 * Who has a build: of several zdr of one user on one machine, one alone builds it, and nobody builds while another reads and sends it.
 *
 * - Whoever builds waits for the one who builds already and for all who read; whoever reads waits for the one who builds.
 * - A holder that has died, however it did, holds nothing: what holds is a socket that listens, and the kernel closes it.
 * - `<build>.<n+1>` is made by link(2) once nobody listens at `<build>.<n>`: of any number of waiters one wins. Whoever linked a
 *   number and then finds a higher one has lost (it had looked at a list that was out of date).
 * - Both sorts say that they are there before they look for the other. Who reads steps back, so nobody waits for ever.
 * - Once it has been built, its builder only reads it, and whatever else reads it may, such as a zdr that a hook of this one starts.
 * - In the user's own cache, never in the build. Where no lock can be made, why is told, and what was asked for is done without.
 */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { BuildHolder } from "../../core/build-holder.ts";
import { ZdrError } from "../../failure.ts";
import { connectTo, type Door, keyOf, listenAt, openDoor } from "./lock-sockets.ts";

export interface BuildWish {
  /** zdr's own. */
  readonly cacheFolder: string;
  /** Absolute. It need not be there yet. */
  readonly build: string;
  readonly use: "build" | "read";
  readonly holder: BuildHolder;
  readonly waitMs: number;
  /** Ends the wait: what is thrown then is its reason. */
  readonly stop: AbortSignal;
  /** Told of each one who is waited for. */
  readonly onWait: (holder: BuildHolder, leftMs: number) => void;
}

export interface BuildLock {
  /** Why there is none. */
  readonly trouble?: string;
  /** From now on others may read it too, and nobody builds there yet. */
  share(): Promise<void>;
  /** Never throws; a second time does nothing. */
  release(): void;
}

const OPEN_TO_OTHERS = 0o022;
/** Sockets that nobody has listened at for so long are cleared away. */
const OLD_MS = 7 * 24 * 60 * 60 * 1000;

/** @throws ZdrError `build-held` where the wait was in vain. */
export async function lockBuild(wish: BuildWish): Promise<BuildLock> {
  let door: Door | undefined;
  try {
    door = openDoor(openFolder(wish.cacheFolder));
    return await lockOf(new Queue(wish, door, keyOf(wish.build)), door, wish.use);
  } catch (error) {
    door?.close();
    if (wish.stop.aborted || error instanceof ZdrError) throw error;
    return {
      trouble: error instanceof Error ? error.message : String(error),
      share: async () => {},
      release: () => {},
    };
  }
}

async function lockOf(queue: Queue, door: Door, use: BuildWish["use"]): Promise<BuildLock> {
  let leave: (() => void) | undefined = await queue.take();
  let isShared = use === "read";
  return {
    share: async () => {
      if (isShared || leave === undefined) return;
      isShared = true;
      // Where that can not be had it stays this one's alone.
      const reading = await queue.read().catch(() => undefined);
      if (reading === undefined) return;
      leave();
      leave = reading;
    },
    release: () => {
      leave?.();
      if (leave !== undefined) door.close();
      leave = undefined;
    },
  };
}

/** @throws where it is not this user's alone: whoever may write there could keep everybody waiting. */
function openFolder(cacheFolder: string): string {
  const folder = `${cacheFolder}/locks`;
  // A home that is not there stays so.
  statSync(dirname(dirname(cacheFolder)));
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const { uid, mode } = statSync(folder);
  if (uid !== process.getuid?.()) throw new Error(`${folder} belongs to uid ${uid}: remove it`);
  if ((mode & OPEN_TO_OTHERS) !== 0) throw new Error(`others may write to ${folder}: chmod 700 it`);
  return folder;
}

class Queue {
  readonly #wish: BuildWish;
  readonly #door: Door;
  readonly #key: string;
  readonly #deadline: number;
  #told: string | undefined;

  constructor(wish: BuildWish, door: Door, key: string) {
    this.#wish = wish;
    this.#door = door;
    this.#key = key;
    this.#deadline = performance.now() + wish.waitMs;
  }

  /** What gives it up. */
  async take(): Promise<() => void> {
    await this.#clearAway();
    return this.#wish.use === "build" ? await this.#takeToBuild() : await this.#takeToRead();
  }

  async #takeToBuild(): Promise<() => void> {
    for (;;) {
      this.#wish.stop.throwIfAborted();
      const before = this.#highest();
      if (before > 0 && (await this.#waitFor(this.#numbered(before)))) continue;
      const taken = await this.#tryNumber(before + 1);
      if (taken === undefined) continue;
      try {
        for (const name of this.#readers()) if (!(await this.#waitFor(name))) this.#door.remove(name);
      } catch (error) {
        taken();
        throw error;
      }
      return taken;
    }
  }

  async #tryNumber(number: number): Promise<(() => void) | undefined> {
    const draft = `${this.#key}.draft.${randomName()}`;
    const close = await listenAt(this.#door, draft, this.#wish.holder);
    try {
      linkSync(this.#door.pathOf(draft), this.#door.pathOf(this.#numbered(number)));
      this.#door.remove(draft);
      if (this.#highest() === number) {
        for (const lower of this.#numbers()) if (lower < number) this.#door.remove(this.#numbered(lower));
        return close;
      }
    } catch (error) {
      close();
      if (codeOf(error) === "EEXIST") return undefined;
      throw error;
    }
    close();
    this.#door.remove(this.#numbered(number));
    return undefined;
  }

  async #takeToRead(): Promise<() => void> {
    for (;;) {
      this.#wish.stop.throwIfAborted();
      const leave = await this.read();
      let highest: number;
      try {
        highest = this.#highest();
        const builder = highest === 0 ? undefined : await connectTo(this.#door, this.#numbered(highest));
        if (builder === undefined) return leave;
        builder.end();
      } catch (error) {
        leave();
        throw error;
      }
      leave();
      await this.#waitFor(this.#numbered(highest));
    }
  }

  /** Says that it reads, whoever builds. What is returned takes it back. */
  async read(): Promise<() => void> {
    const name = `${this.#key}.reads.${randomName()}`;
    const draft = `${this.#key}.draft.${randomName()}`;
    const close = await listenAt(this.#door, draft, this.#wish.holder);
    try {
      // Under the name that is looked for only once it listens: what does not is taken for dead.
      renameSync(this.#door.pathOf(draft), this.#door.pathOf(name));
    } catch (error) {
      close();
      throw error;
    }
    return () => {
      close();
      this.#door.remove(name);
    };
  }

  /** False: nobody is there. Otherwise it has gone when this returns. */
  async #waitFor(name: string): Promise<boolean> {
    const seen = await connectTo(this.#door, name);
    if (seen === undefined) return false;
    try {
      const holder = await seen.holder;
      if (holder === undefined) return true;
      const who = `${holder.pid} ${holder.since}`;
      const leftMs = this.#deadline - performance.now();
      if (this.#told !== who && leftMs > 0) this.#wish.onWait(holder, leftMs);
      this.#told = who;
      if (!(await seen.gone(leftMs, this.#wish.stop))) throw this.#inVain(holder);
      return true;
    } finally {
      seen.end();
    }
  }

  #inVain(holder: BuildHolder): unknown {
    const { stop, build: path, waitMs: waitedMs } = this.#wish;
    return stop.aborted ? stop.reason : new ZdrError({ kind: "build-held", path, holder, waitedMs });
  }

  /** Of builds that nobody deploys any more, and of those who were killed. */
  async #clearAway(): Promise<void> {
    for (const name of readdirSync(this.#door.folder)) {
      const at = statSync(`${this.#door.folder}/${name}`, { throwIfNoEntry: false })?.mtimeMs;
      if (at === undefined || at > Date.now() - OLD_MS) continue;
      const seen = await connectTo(this.#door, name);
      if (seen === undefined) this.#door.remove(name);
      seen?.end();
    }
  }

  #numbered(number: number): string {
    return `${this.#key}.${number}`;
  }

  #numbers(): number[] {
    const pattern = new RegExp(`^${this.#key}\\.([1-9][0-9]{0,14})$`);
    return readdirSync(this.#door.folder).flatMap((name) => {
      const number = pattern.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }

  #highest(): number {
    return Math.max(0, ...this.#numbers());
  }

  #readers(): string[] {
    return readdirSync(this.#door.folder).filter((name) => name.startsWith(`${this.#key}.reads.`));
  }
}

const randomName = () => randomBytes(6).toString("hex");

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
