/**
 * The headers of a tar stream (POSIX ustar, `tar`'s Header), for thousands of files. Those of files with a plain short name
 * differ in name, size and sum alone: the rest is taken from one that Header wrote, which takes a quarter of the time.
 */
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import type { ManifestEntry } from "../../../agent/wire/release.ts";

export const BLOCK_BYTES = 512;

type FileEntry = Extract<ManifestEntry, { type: "file" }>;

/** From here on a name may be cut in two, or get a `./`, in the two fields that a tar header has for it. */
const SHORT_NAME_CHARS = 100;
const PLAIN_NAME = /^[\x01-\x7f]+$/;
/** As Header writes them: octal digits, a blank, NUL. */
const SIZE_AT = 124;
const SIZE_DIGITS = 10;
const SUM_AT = 148;
const SUM_DIGITS = 6;
/** Larger ones have a digit in the place of the blank. */
const PLAIN_SIZE_BELOW = 8 ** SIZE_DIGITS;
const ZERO_DIGIT = 0x30;

interface Pattern {
  readonly block: Buffer;
  readonly sum: number;
}

/** Makes headers for one stream. */
export class TarHeaders {
  /** Without name and size, by their modes. */
  readonly #patterns = new Map<number, Pattern>();
  readonly #block = Buffer.alloc(BLOCK_BYTES);

  /** What goes before the bytes of this file; good until the next call. A pax record goes before a header that can not hold the name. */
  of(entry: FileEntry): Buffer {
    const { path, mode, size } = entry;
    const isPlain = path.length < SHORT_NAME_CHARS && size < PLAIN_SIZE_BELOW && PLAIN_NAME.test(path);
    return isPlain ? this.#fill(this.#patternOf(mode), path, size) : headerOf(entry);
  }

  #patternOf(mode: number): Pattern {
    const known = this.#patterns.get(mode);
    if (known !== undefined) return known;
    const block = Buffer.alloc(BLOCK_BYTES);
    const header = newHeader({ path: "", mode, size: 0 });
    header.encode(block);
    const pattern = { block, sum: header.cksum ?? 0 };
    this.#patterns.set(mode, pattern);
    return pattern;
  }

  #fill({ block, sum }: Pattern, path: string, size: number): Buffer {
    const filled = this.#block;
    filled.set(block);
    let total = sum;
    for (let at = 0; at < path.length; at++) {
      const byte = path.charCodeAt(at);
      filled[at] = byte;
      total += byte;
    }
    total += writeOctal(filled, SIZE_AT, SIZE_DIGITS, size);
    writeOctal(filled, SUM_AT, SUM_DIGITS, total);
    return filled;
  }
}

/** The sum of the digits, by which the bytes are more than those of zeros. */
function writeOctal(block: Buffer, at: number, digits: number, value: number): number {
  let sum = 0;
  let left = value;
  for (let place = at + digits - 1; place >= at; place--) {
    const digit = left % 8;
    block[place] = ZERO_DIGIT + digit;
    sum += digit;
    left = (left - digit) / 8;
  }
  return sum;
}

/** Owner and time do not travel: the host has its own. */
function newHeader(of: { readonly path: string; readonly mode: number; readonly size: number }): Header {
  return new Header({ uid: 0, gid: 0, mtime: new Date(0), type: "File", ...of });
}

function headerOf({ path, mode, size }: FileEntry): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const isDoubtful = newHeader({ path, mode, size }).encode(block) || path.length >= SHORT_NAME_CHARS;
  if (!isDoubtful || new Header(block).path === path) return block;
  return Buffer.concat([new Pax({ path }).encode(), block]);
}
