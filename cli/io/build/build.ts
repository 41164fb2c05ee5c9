/**
 * Reads a build: a folder, or a tar archive of one.
 *
 * - Every file is hashed once, unless it is known what it hashes to (known-hashes.ts). What is sent later is checked
 *   against that (pack.ts).
 * - What could not arrive as it is, is refused by name: sockets, fifos and devices, names that are no UTF-8, links that
 *   leave the build.
 * - The event loop is never held for long, so that the SSH handshakes go on meanwhile.
 */
import { createHash, hash } from "node:crypto";
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { canonicalManifest, type ManifestEntry } from "../../../agent/wire/release.ts";
import { type ModeRule, nameProblem, normalisationTwin, releaseMode, staysInside } from "../../core/build-rules.ts";
import { ZdrError } from "../../failure.ts";
import type { Announcement } from "./announcement.ts";
import type { KnownHashes } from "./known-hashes.ts";

/** What a file looked like when it was hashed: if it looks different when it is sent, somebody changed it. */
export interface FileMark {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
}

export interface BuildRules {
  readonly modes: ModeRule;
  /** Whether files keep their setuid and setgid bits. */
  readonly allowSetuid?: boolean;
  /** What needs not be read; absent: every file is. */
  readonly known?: KnownHashes | undefined;
  /** Is told each entry as soon as it is known, in their order. */
  readonly announcement?: Announcement | undefined;
}

export interface ScannedBuild {
  /** Absolute, without links. */
  readonly root: string;
  /** In code-unit order of their paths. */
  readonly entries: readonly ManifestEntry[];
  /** Of the entry at the same index, where it is a file. */
  readonly marks: readonly (FileMark | undefined)[];
  /** sha256, hex, over canonicalManifest(). */
  readonly digest: string;
  readonly totalBytes: number;
  readonly known: KnownHashes | undefined;
  /** Removes what an archive was unpacked to. */
  dispose(): Promise<void>;
}

/** Beyond 1 MiB a read gains nothing. */
const READ_BYTES = 1024 * 1024;
/** Longest stretch of work without a look at the network: each step of a handshake waits for its end. */
const STRETCH_MS = 1;

/** Fails with `build` where something is not there, can not be read, or could not arrive as it is. */
export async function scanBuild(path: string, rules: BuildRules): Promise<ScannedBuild> {
  const stat = reading(path, () => statSync(path));
  if (stat.isDirectory()) return await scanFolder(path, rules, async () => undefined);
  if (!stat.isFile()) throw refused("is neither a folder nor an archive", path);
  // tar is needed for archives alone, and is slow to load.
  const { unpackBuild } = await import("../archive/unpack.ts");
  const unpacked = await unpackBuild(path);
  try {
    return await scanFolder(unpacked.folder, rules, unpacked.dispose);
  } catch (error) {
    await unpacked.dispose();
    throw error;
  }
}

async function scanFolder(path: string, rules: BuildRules, dispose: () => Promise<void>): Promise<ScannedBuild> {
  const root = reading(path, () => realpathSync(path));
  const scan = new Scan(root, rules);
  await scan.walk("");
  const entries = scan.found.map(({ entry }) => entry);
  if (entries.length === 0) throw refused("holds nothing", path);
  const twin = normalisationTwin(entries.map((entry) => entry.path));
  if (twin !== undefined) throw refused("there is another name that differs only in Unicode normalisation", twin);
  rules.announcement?.end();
  return {
    root,
    entries,
    marks: scan.found.map(({ mark }) => mark),
    digest: hash("sha256", canonicalManifest(entries), "hex"),
    totalBytes: entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0),
    known: rules.known,
    dispose,
  };
}

/** One pass over a folder. Synchronous reads, because 12,000 trips through the thread pool cost three times as much. */
class Scan {
  readonly found: { readonly entry: ManifestEntry; readonly mark?: FileMark }[] = [];
  readonly #root: string;
  readonly #rules: BuildRules;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #since = performance.now();

  constructor(root: string, rules: BuildRules) {
    this.#root = root;
    this.#rules = rules;
  }

  async walk(folder: string): Promise<void> {
    const place = folder === "" ? this.#root : `${this.#root}/${folder}`;
    for (const { child, isInside } of inOrder(listFolder(place, folder))) {
      const path = folder === "" ? child.name : `${folder}/${child.name}`;
      if (isInside) await this.walk(path);
      else await this.#addChild(child, path);
      if (performance.now() - this.#since > STRETCH_MS) await this.#breathe();
    }
  }

  async #addChild(child: Dirent, path: string): Promise<void> {
    const problem = nameProblem(child.name);
    if (problem !== undefined) throw refused(problem, path);
    if (child.isFile()) await this.#addFile(path);
    else if (child.isDirectory()) this.#addFolder(path);
    else if (child.isSymbolicLink()) this.#addLink(path);
    else throw refused(`is a ${kindOf(child)}, and only files, folders and links can be deployed`, path);
  }

  #addFolder(path: string): void {
    const { mode } = reading(path, () => lstatSync(`${this.#root}/${path}`));
    this.#add({ type: "dir", path, mode: this.#modeOf(path, mode, true) });
  }

  #addLink(path: string): void {
    const place = `${this.#root}/${path}`;
    const bytes = reading(path, () => readlinkSync(place, { encoding: "buffer" }));
    const target = decode(bytes, `${path} -> ${bytes.toString("latin1")}`);
    if (!staysInside(path, target) || !this.#endsInside(place)) {
      throw refused(`is a link to ${JSON.stringify(target)}, which leads out of the build`, path);
    }
    this.#add({ type: "link", path, target });
  }

  /**
   * By words a link can stay inside and still lead out through another one, so the kernel is asked (Node's own realpath
   * goes by words for the targets of links). A dangling link leads nowhere.
   */
  #endsInside(place: string): boolean {
    try {
      return `${realpathSync.native(place)}/`.startsWith(this.#root === "/" ? "/" : `${this.#root}/`);
    } catch (error) {
      return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
    }
  }

  async #addFile(path: string): Promise<void> {
    const known = this.#rules.known?.find(path, () => reading(path, () => lstatSync(`${this.#root}/${path}`)));
    if (known === undefined) await this.#readFile(path);
    else this.#addHashed(path, known.stat, known.sha256, false);
  }

  async #readFile(path: string): Promise<void> {
    const fd = reading(path, () => openSync(`${this.#root}/${path}`, constants.O_RDONLY | constants.O_NOFOLLOW));
    try {
      const stat = fstatSync(fd);
      const sha256 = await this.#hashFile(fd, path, stat);
      this.#rules.known?.note(path, stat, sha256);
      this.#addHashed(path, stat, sha256, true);
    } finally {
      closeSync(fd);
    }
  }

  #addHashed(path: string, { size, mode, mtimeMs, ino }: Stats, sha256: string, isRead: boolean): void {
    const entry = { type: "file", path, mode: this.#modeOf(path, mode, false), size, sha256 } as const;
    this.#add(entry, { size, mtimeMs, ino }, isRead);
  }

  #add(entry: ManifestEntry, mark?: FileMark, isRead = false): void {
    this.found.push({ entry, ...(mark === undefined ? {} : { mark }) });
    this.#rules.announcement?.add(entry, isRead);
  }

  async #hashFile(fd: number, path: string, { size }: Stats): Promise<string> {
    let length = reading(path, () => readSync(fd, this.#buffer));
    if (length === size) return hash("sha256", this.#buffer.subarray(0, length), "hex");
    const digest = createHash("sha256");
    let total = 0;
    for (; length > 0; length = reading(path, () => readSync(fd, this.#buffer))) {
      digest.update(this.#buffer.subarray(0, length));
      total += length;
      if (performance.now() - this.#since > STRETCH_MS) await this.#breathe();
    }
    if (total !== size) throw refused("changed while it was read", path);
    return digest.digest("hex");
  }

  #modeOf(path: string, mode: number, isFolder: boolean): number {
    const { modes, allowSetuid } = this.#rules;
    const kept = releaseMode(mode, isFolder, modes, allowSetuid);
    if (kept !== undefined) return kept;
    const carries = allowSetuid ? "no sticky bit" : "no sticky bit, and setuid and setgid only with allow_setuid";
    throw refused(`has mode ${(mode & 0o7777).toString(8)}: a release carries ${carries}`, path);
  }

  async #breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

interface Step {
  readonly child: Dirent;
  /** It is a folder, and what stands in it has its turn now. */
  readonly isInside: boolean;
}

/** By their paths, which `a`, `a.b` and `a/b` have in this order: what is in a folder does not come right behind it. */
function inOrder(children: readonly Dirent[]): Step[] {
  const steps = children.map((child) => ({ key: child.name, child, isInside: false }));
  const inside = children.filter((child) => child.isDirectory());
  for (const child of inside) steps.push({ key: `${child.name}/`, child, isInside: true });
  return steps.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Names come as text. Only where the text shows that something was lost are the bytes looked at. */
function listFolder(place: string, path: string): Dirent[] {
  const children = reading(path === "" ? place : path, () => readdirSync(place, { withFileTypes: true }));
  if (children.some(({ name }) => name.includes("\ufffd"))) {
    for (const name of readdirSync(place, { encoding: "buffer" })) decode(name, `${path}/${name.toString("latin1")}`);
  }
  return children;
}

function decode(bytes: Buffer, shown: string): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes)) return text;
  throw refused("has a name that is not valid UTF-8", shown);
}

function kindOf(child: Dirent): string {
  if (child.isSocket()) return "socket";
  return child.isFIFO() ? "fifo" : "device";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function reading<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = codeOf(error);
    if (code === "") throw error;
    throw new ZdrError({ kind: "build", problem: `can not be read (${code})`, path }, error);
  }
}

function refused(problem: string, path: string): ZdrError {
  return new ZdrError({ kind: "build", problem, path });
}
