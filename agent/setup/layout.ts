/**
 * The layout on disk. What is missing is made with the modes that it needs, whatever the umask; what is there is checked.
 * Nothing is made where others than this user and root could put something else in its place.
 */
import { chmodSync, lstatSync, mkdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { PRIVATE_DIR_MODE, PUBLIC_DIR_MODE } from "../core/layout.ts";
import { shellWord } from "../core/supervisor/ctl.ts";
import { readCurrent } from "../io/current.ts";
import { ifThere, mayWrite, onFile, userName } from "../io/files.ts";
import { makeSharedFolders } from "../io/release/shared.ts";
import { checkFoldersAbove } from "../io/trust.ts";
import type { SetupReport } from "./report.ts";

const WRITABLE_BY_OTHERS = 0o022;
const CLOSED_TO_OTHERS = 0o077;

/**
 * Makes and checks the folders of the layout, but for those of `foreign` programs, which are another user's.
 * False: an administrator must make deploy_to first.
 * @throws AgentError foreign-owner, unsafe-mode, not-a-folder, current-not-a-link, current-outside, not-permitted, io.
 */
export function setUpLayout(
  { layout, project }: HostContext,
  report: SetupReport,
  foreign: ReadonlySet<string> = new Set(),
): boolean {
  if (!setUpDeployTo(layout.deployTo, report)) return false;
  readCurrent(layout);
  const own = project.programs.filter(({ name }) => !foreign.has(name));
  for (const folder of [layout.releases, layout.run, ...own.map(({ name }) => layout.programRun(name))]) {
    setUpPublicFolder(folder, report);
  }
  setUpFolder(layout.zdr, PRIVATE_DIR_MODE, CLOSED_TO_OTHERS, report);
  setUpShared({ layout, project }, report);
  return true;
}

function setUpDeployTo(deployTo: string, report: SetupReport): boolean {
  checkFoldersAbove(deployTo);
  const missing: string[] = [];
  let folder = deployTo;
  let found = ifThere("look at", folder, () => statSync(folder));
  while (found === undefined) {
    missing.unshift(folder);
    folder = dirname(folder);
    found = ifThere("look at", folder, () => statSync(folder));
  }
  if (missing.length === 0) {
    checkFolder(deployTo, found, [ownUid()]);
    if ((found.mode & WRITABLE_BY_OTHERS) !== 0) throw unsafeMode(deployTo, found);
    return true;
  }
  if (!mayWrite(folder)) {
    report.administrator.push({
      why: `${userName()} may not make ${deployTo} in ${folder}`,
      commands: [`install -d -o ${shellWord(userName())} -g ${shellWord(ownGroup())} -m 0755 ${shellWord(deployTo)}`],
    });
    return false;
  }
  for (const path of missing) makeFolder(path, PUBLIC_DIR_MODE, report);
  return true;
}

function checkFolder(path: string, found: Stats, owners: readonly number[]): void {
  if (!found.isDirectory()) throw new AgentError({ reason: "not-a-folder", path });
  if (owners.includes(found.uid)) return;
  throw new AgentError({ reason: "foreign-owner", path, ownerUid: found.uid, uid: ownUid() });
}

function unsafeMode(path: string, found: Stats): AgentError {
  return new AgentError({ reason: "unsafe-mode", path, mode: found.mode & 0o7777 });
}

export function setUpPublicFolder(path: string, report: SetupReport): void {
  setUpFolder(path, PUBLIC_DIR_MODE, WRITABLE_BY_OTHERS, report);
}

/** A folder of zdr's own: a link would lead what is renamed into it to another file system. */
function setUpFolder(path: string, mode: number, forbidden: number, report: SetupReport): void {
  const found = ifThere("look at", path, () => lstatSync(path));
  if (found === undefined) {
    makeFolder(path, mode, report);
    return;
  }
  checkFolder(path, found, [ownUid()]);
  const safe = found.mode & 0o7777 & ~forbidden;
  if (safe === (found.mode & 0o7777)) return;
  report.did("changed", `the mode of ${path} to ${octal(safe)}`);
  if (!report.dryRun) onFile("chmod", path, () => chmodSync(path, safe));
}

function makeFolder(path: string, mode: number, report: SetupReport): void {
  report.did("made", `${path} (${octal(mode)})`);
  if (report.dryRun) return;
  onFile("make the folder", path, () => {
    mkdirSync(path, { mode });
    chmodSync(path, mode);
  });
}

/** `shared` may be a link to another disk, and what is in it may belong to the program's user. */
function setUpShared({ layout, project }: Pick<HostContext, "layout" | "project">, report: SetupReport): void {
  const found = ifThere("look at", layout.shared, () => statSync(layout.shared));
  if (found === undefined) makeFolder(layout.shared, PUBLIC_DIR_MODE, report);
  else if (!found.isDirectory()) throw new AgentError({ reason: "not-a-folder", path: layout.shared });
  const isThere = (path: string) =>
    ifThere("look at", join(layout.shared, path), () => statSync(join(layout.shared, path)));
  if (report.dryRun) {
    for (const dir of project.shared.dirs) if (!isThere(dir)) report.did("made", join(layout.shared, dir));
  } else {
    for (const dir of makeSharedFolders(layout, project.shared)) report.did("made", dir);
  }
  for (const file of project.shared.files.filter((path) => !isThere(path))) {
    report.administrator.push({
      why: `${join(layout.shared, file)} is a shared file that is missing: put it there before the first deploy`,
      commands: [],
    });
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}

/** Name of this user's first group; its number where it has no name in /etc/group. */
export function ownGroup(): string {
  const gid = String(process.getgid?.() ?? 0);
  const lines = ifThere("read", "/etc/group", () => readFileSync("/etc/group", "utf8"))?.split("\n") ?? [];
  return lines.map((line) => line.split(":")).find(([, , id]) => id === gid)?.[0] ?? gid;
}
