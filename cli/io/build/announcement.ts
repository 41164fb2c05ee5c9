/**
 * The list of a build's files on its way to a host while the rest of the build is still being read: the host checks it in the
 * time in which it would wait for it.
 *
 * Only of a build of which much had to be read. One that was deployed before is known at once, and hosts mostly have it.
 */
import { REQUEST_LINE_LIMIT_BYTES } from "../../../agent/protocol.ts";
import type { ManifestEntry } from "../../../agent/wire/release.ts";

/** Files that were read before anything is told. */
const TOLD_FROM_FILES = 1_000;
/** Entries in a line: some 40 kB, which a host reads in about a millisecond. */
const LINE_ENTRIES = 250;

/** A longer list goes in one piece, as it does to many hosts, and is refused where that is too long as well. */
const TOLD_LIMIT = REQUEST_LINE_LIMIT_BYTES / 2;

/** Gives the length of the line. */
type Write = (line: object) => number;

export class Announcement {
  #readFiles = 0;
  #waiting: ManifestEntry[] = [];
  #toldLength = 0;
  readonly #lines: object[] = [];
  #write: Write | undefined;

  /** The next entry of the manifest. `isRead`: it is a file that had to be read. */
  add(entry: ManifestEntry, isRead: boolean): void {
    this.#waiting.push(entry);
    if (isRead) this.#readFiles += 1;
    if (this.#readFiles < TOLD_FROM_FILES) return;
    while (this.#waiting.length >= LINE_ENTRIES) this.#tell(this.#waiting.splice(0, LINE_ENTRIES));
  }

  /** All entries have been added. */
  end(): void {
    if (this.#readFiles >= TOLD_FROM_FILES) this.#tell(this.#waiting);
    this.#waiting = [];
  }

  /** After `end`: whether whoever follows has been told of all entries. */
  get isComplete(): boolean {
    return this.#readFiles >= TOLD_FROM_FILES && !this.#isTooLong;
  }

  get #isTooLong(): boolean {
    return this.#toldLength > TOLD_LIMIT;
  }

  /** What was told so far, and what comes. One may follow. */
  follow(write: Write): void {
    this.#write = write;
    for (const line of this.#lines.splice(0)) this.#send(line, write);
  }

  #tell(entries: readonly ManifestEntry[]): void {
    if (entries.length === 0) return;
    const line = { verb: "entries", entries };
    if (this.#write === undefined) this.#lines.push(line);
    else this.#send(line, this.#write);
  }

  #send(line: object, write: Write): void {
    if (!this.#isTooLong) this.#toldLength += write(line);
  }
}
