/**
 * What each host of a command is sent of a build. Hosts that lack the same files share one stream, packed and compressed once.
 *
 * Compressed is what pays: for several hosts, since each of them then is sent and decrypts less, and over every line, since that is
 * slower than the compressor. A single host on this very machine gets its bytes as they are.
 */
import type { Encoding } from "../../../agent/wire/stage.ts";
import type { ScannedBuild } from "./build.ts";
import { asTheyAre, compressFrames, type Frame } from "./compress.ts";
import { packFiles } from "./pack.ts";
import { Room, SharedFrames } from "./shared-frames.ts";

/** Of one upload among several: some MB each would be too much for all of them. */
const SHARED_FRAME_BYTES = 512 * 1024;
/** Of frames that are kept for all hosts. */
const ROOM_BYTES = 32 * 1024 * 1024;
/** Hosts mostly lack the same files. Those that lack something else than any of so many sets before have their own stream. */
const SHARED_SETS = 3;

export interface UploadNeed {
  /** Into the build's entries. */
  readonly missing: readonly number[];
  /** What the host can decompress, the best first. */
  readonly accepts: readonly Encoding[];
  /** It is this very machine. */
  readonly isHere: boolean;
}

export class Uploads {
  readonly #build: ScannedBuild;
  readonly #hosts: number;
  readonly #room = new Room(ROOM_BYTES);
  readonly #shared = new Map<string, SharedFrames>();

  /** `hosts`: how many there may be. */
  constructor(build: ScannedBuild, hosts: number) {
    this.#build = build;
    this.#hosts = hosts;
  }

  framesFor({ missing, accepts, isHere }: UploadNeed): AsyncGenerator<Frame> {
    const as = this.#encodingOf(accepts, isHere);
    if (this.#hosts === 1 || as === undefined) return this.#make(missing, as);
    const key = `${as} ${missing.join(" ")}`;
    const known = this.#shared.get(key);
    if (known !== undefined) return known.frames();
    if (this.#shared.size === SHARED_SETS) return this.#make(missing, as);
    const shared = new SharedFrames(() => this.#make(missing, as), this.#room);
    this.#shared.set(key, shared);
    return shared.frames();
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#shared.values()].map((shared) => shared.dispose()));
  }

  #encodingOf(accepts: readonly Encoding[], isHere: boolean): Encoding | undefined {
    if (accepts.includes("zstd") && (this.#hosts > 1 || !isHere)) return "zstd";
    // It takes a host four times as long to decompress.
    return accepts.includes("br") && !isHere ? "br" : undefined;
  }

  #make(missing: readonly number[], as: Encoding | undefined): AsyncGenerator<Frame> {
    const frames = packFiles(this.#build, missing, this.#hosts > 1 ? SHARED_FRAME_BYTES : undefined);
    return as === undefined ? asTheyAre(frames) : compressFrames(frames, as);
  }
}
