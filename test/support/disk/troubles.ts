/** What a disk can do to whoever writes to it, beginning in the middle of what the agent does, and ending when told. */
import { appendFileSync, closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, runOk } from "../processes.ts";

export interface Trouble {
  /** False: it can not begin at this moment. */
  begin(place: string, agentPid: number): Promise<boolean>;
  end(place: string): Promise<void>;
  /** The words by which an operator must be told. */
  readonly told: RegExp;
  /** Nothing at all can be written: where it began behind the flip, not even `current` can be put back. */
  readonly holdsAll?: true;
}

const PIECE = Buffer.alloc(64 * 1024, "x");
const BLOCK_BYTES = 4096;
const filler = (place: string) => join(place, "filler");

export const TROUBLES = {
  "a full disk": {
    begin: async (place) => {
      fillLastBlock(join(place, ".zdr/ledger.ndjson"));
      const fd = openSync(filler(place), "w");
      try {
        for (let bytes = PIECE.length; bytes >= 1; ) if (!wrote(fd, bytes)) bytes = Math.floor(bytes / 2);
      } finally {
        closeSync(fd);
      }
      return true;
    },
    end: async (place) => rmSync(filler(place), { force: true }),
    told: /no space is left on the disk|bytes? free|B free/,
  },
  "no inodes": {
    begin: async (place) => {
      await mkdir(filler(place));
      for (let count = 0; makes(join(filler(place), String(count))); count++);
      return true;
    },
    end: (place) => rm(filler(place), { recursive: true, force: true }),
    told: /inodes? /,
  },
  "a read-only file system": {
    // The kernel refuses it while a file is open for writing.
    begin: async (place) => (await run(["mount", "-o", "remount,ro", place])).code === 0,
    end: async (place) => void (await runOk(["mount", "-o", "remount,rw", place])),
    told: /may not .* \/|EROFS|read-only/,
    holdsAll: true,
  },
  "a quota": {
    begin: async (place) => {
      await runOk(["sync", "-f", place]);
      const shown = await runOk(["btrfs", "qgroup", "show", "--raw", "-f", place]);
      const [, group = "", used = ""] = /^(0\/\d+)\s+(\d+)/m.exec(shown) ?? [];
      await runOk(["btrfs", "qgroup", "limit", used, group, topOf(place)]);
      return true;
    },
    // From the top of the file system: through the subvolume itself, lifting its limit would exceed it.
    end: async (place) => {
      const [group = ""] = /^0\/\d+/m.exec(await runOk(["btrfs", "qgroup", "show", "--raw", "-f", place])) ?? [];
      await runOk(["btrfs", "qgroup", "limit", "none", group, topOf(place)]);
    },
    told: /a quota is used up/,
  },
  "a limit on the size of files": {
    begin: async (_, agentPid) => {
      await runOk(["prlimit", "--pid", String(agentPid), "--fsize=0"]);
      return true;
    },
    end: async () => {},
    told: /larger than|EFBIG/,
  },
} as const satisfies Record<string, Trouble>;

export type TroubleName = keyof typeof TROUBLES;
export const TROUBLE_NAMES = Object.keys(TROUBLES) as TroubleName[];

/** Where mountRationed puts it. */
const topOf = (place: string) => join(dirname(place), "root");

/** With empty lines, which mean nothing to a ledger: what is appended next needs a block of its own. */
function fillLastBlock(path: string): void {
  const { size } = statSync(path);
  appendFileSync(path, "\n".repeat((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES));
}

function wrote(fd: number, bytes: number): boolean {
  try {
    return writeSync(fd, PIECE, 0, bytes) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw error;
  }
}

function makes(path: string): boolean {
  try {
    closeSync(openSync(path, "w"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw error;
  }
}
