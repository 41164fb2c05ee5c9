/**
 * Unpacks a build that comes as an archive (.tar, .tar.gz) into a private folder, from which it is read like any other.
 *
 * - Nothing is written outside that folder: members that name another place are refused, and links are made after the
 *   last file, so that none can be written through.
 * - What would be lost (devices, sparse files, names that can not be read) is refused by name instead.
 */
import { closeSync, constants, copyFileSync, fchmodSync, mkdirSync, openSync, writeSync } from "node:fs";
import { chmod, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { memberPath } from "../../core/build-rules.ts";
import { ZdrError } from "../../failure.ts";
import { ArchiveError, type Member, readArchive } from "./members.ts";

export interface Unpacked {
  readonly folder: string;
  dispose(): Promise<void>;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const FILE_TYPES = new Set(["File", "OldFile", "ContiguousFile"]);

/** Fails with `build` where the archive is damaged or holds what could not arrive. Nothing is left behind then. */
export async function unpackBuild(archive: string): Promise<Unpacked> {
  const folder = await mkdtemp(join(tmpdir(), "zdr-build-"));
  const tree = new Tree(archive, folder);
  const dispose = async () => {
    await tree.open();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for await (const member of readArchive(archive)) await tree.add(member);
    await tree.finish();
    return { folder, dispose };
  } catch (error) {
    await dispose();
    throw explained(error, archive);
  }
}

function explained(error: unknown, archive: string): unknown {
  if (error instanceof ZdrError) return error;
  const isSystemError = error instanceof Error && "code" in error && "syscall" in error;
  if (isSystemError) return failed(`can not be unpacked (${String(error.code)})`, archive, error);
  return error instanceof ArchiveError ? failed(`is no whole tar archive: ${error.message}`, archive, error) : error;
}

function failed(problem: string, path: string, cause?: unknown): ZdrError {
  return new ZdrError({ kind: "build", problem, path }, cause);
}

/** What becomes of the archive: files and folders at once, links and the folders' modes at the end. */
class Tree {
  readonly #archive: string;
  readonly #folder: string;
  readonly #seen = new Map<string, "file" | "folder" | "link">();
  readonly #links = new Map<string, string>();
  readonly #modes = new Map<string, number>();

  constructor(archive: string, folder: string) {
    this.#archive = archive;
    this.#folder = folder;
  }

  async add(member: Member): Promise<void> {
    const path = this.#pathOf(member);
    if (path === ".") return;
    if (FILE_TYPES.has(member.type)) {
      this.#claim(path, "file");
      await this.#writeFile(path, member);
    } else if (member.type === "Directory") {
      this.#claim(path, "folder");
      this.#modes.set(path, member.mode);
      mkdirSync(`${this.#folder}/${path}`, { recursive: true });
    } else if (member.type === "SymbolicLink") {
      this.#claim(path, "link");
      this.#links.set(path, member.target);
    } else if (member.type === "Link") {
      this.#claim(path, "file");
      this.#copyFile(path, member.target);
    } else throw this.#refused(`is a ${member.type}, and only files, folders and links can be deployed`, member.path);
  }

  async finish(): Promise<void> {
    for (const [path, target] of this.#links) {
      this.#makeParents(path);
      await symlink(target, `${this.#folder}/${path}`);
    }
    // The owner must be able to read it.
    for (const [path, mode] of [...this.#modes].sort().reverse()) await chmod(`${this.#folder}/${path}`, mode | 0o500);
  }

  /** Folders that forbid writing would not let go of what is in them. */
  async open(): Promise<void> {
    for (const path of [...this.#modes.keys()].sort())
      await chmod(`${this.#folder}/${path}`, 0o700).catch(() => undefined);
  }

  #refused(problem: string, member: string): ZdrError {
    return failed(`${problem} (in ${this.#archive})`, member);
  }

  #pathOf({ path, extra }: Member): string {
    if ([...extra].some((key) => key.startsWith("GNU.sparse."))) throw this.#refused("is a sparse file", path);
    if (path.includes("\ufffd")) throw this.#refused("has a name that is not valid UTF-8", path);
    const inside = memberPath(path);
    if (inside === undefined) throw this.#refused("leads out of the archive", path);
    return inside;
  }

  #claim(path: string, as: "file" | "folder" | "link"): void {
    const before = this.#seen.get(path);
    if (before !== undefined && (before !== "folder" || as !== "folder")) throw this.#refused("appears twice", path);
    for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
      const above = this.#seen.get(path.slice(0, at));
      if (above === "file" || above === "link") throw this.#refused(`stands below a ${above}`, path);
    }
    this.#seen.set(path, as);
  }

  #makeParents(path: string): void {
    mkdirSync(dirname(`${this.#folder}/${path}`), { recursive: true });
  }

  async #writeFile(path: string, member: Member): Promise<void> {
    this.#makeParents(path);
    const fd = openSync(`${this.#folder}/${path}`, NEW_FILE, 0o600);
    try {
      for await (const piece of member.body()) {
        for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
      }
      // The archive's mode, whatever the umask; its owner can read it, or it could not be sent.
      fchmodSync(fd, (member.mode & 0o7777) | 0o400);
    } finally {
      closeSync(fd);
    }
  }

  /** A hard link names a member that came before. Releases hold files of their own. */
  #copyFile(path: string, target: string): void {
    const source = memberPath(target);
    if (source === undefined || this.#seen.get(source) !== "file" || source === path) {
      throw this.#refused(`is a hard link to ${JSON.stringify(target)}, which is no file before it`, path);
    }
    this.#makeParents(path);
    copyFileSync(`${this.#folder}/${source}`, `${this.#folder}/${path}`, constants.COPYFILE_EXCL);
  }
}
