/**
 * What programs need on a host beside their release: the keeper's own file, and a folder that the program's user can write
 * to, for a keeper or for a program that renews its slot itself.
 *
 * The link to the keeper never goes back: a file that is there already, and is not what the link names, was replaced once.
 */
import { createHash } from "node:crypto";
import { chownSync, lstatSync, mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { basename } from "node:path";
import { type Account, accountFor } from "../activation/account.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { type Layout, PUBLIC_DIR_MODE } from "../core/layout.ts";
import { isKept } from "../core/presets.ts";
import { shellWord } from "../core/supervisor/ctl.ts";
import { ifThere, onFile, replaceFile, temporaryBeside, userName } from "../io/files.ts";
import { isExposed } from "../kept/spec.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { ownGroup, setUpPublicFolder } from "./layout.ts";
import type { SetupReport } from "./report.ts";
import type { SupervisorView } from "./supervisor-view.ts";

const BUNDLE_MODE = 0o644;
const GROUP_WRITE = 0o020;
/** What the program's user makes in it belongs to the group of who deploys. */
const SHARED_FOLDER_MODE = "2775";
const DRAFT_MODE = "2700";

export interface ForeignProgram {
  readonly program: ProgramPlan;
  readonly account: Account;
}

/** Programs that write to their own folder under `run/`, and run as another user than this one. */
export async function foreignWriters({ project }: HostContext, view: SupervisorView): Promise<ForeignProgram[]> {
  const found: ForeignProgram[] = [];
  for (const program of project.programs.filter(writesToRun)) {
    const account = await accountFor(view.uid, program);
    if (account !== undefined && account.uid !== process.getuid?.()) found.push({ program, account });
  }
  return found;
}

function writesToRun(program: ProgramPlan): boolean {
  return isKept(program) || program.reload.strategy === "watch";
}

/** `bundle`: text of dist/keeper.cjs; absent: it was not delivered, and nothing is said of it. */
export function setUpKeeper(
  { layout, project }: HostContext,
  bundle: string | undefined,
  foreign: readonly ForeignProgram[],
  report: SetupReport,
): void {
  if (bundle !== undefined && project.programs.some(isKept)) installKeeper(layout, bundle, report);
  for (const one of foreign) {
    setUpRunFolder(layout, one, report);
    setUpDraft(layout, one, report);
  }
}

function installKeeper(layout: Layout, bundle: string, report: SetupReport): void {
  const file = layout.keeperBundle(createHash("sha256").update(bundle).digest("hex").slice(0, 16));
  setUpPublicFolder(layout.lib, report);
  const wasThere = ifThere("read", file, () => readFileSync(file, "utf8")) === bundle;
  if (!wasThere) {
    report.did("wrote", file);
    if (!report.dryRun) replaceFile(file, bundle, BUNDLE_MODE);
  }
  const linked = ifThere("read the link", layout.keeper, () => readlinkSync(layout.keeper));
  if (linked === basename(file) || (wasThere && linked !== undefined)) return;
  report.did("made", `${layout.keeper} -> ${basename(file)}`);
  if (report.dryRun) return;
  const temporary = temporaryBeside(layout.keeper);
  onFile("link", layout.keeper, () => {
    symlinkSync(basename(file), temporary);
    renameSync(temporary, layout.keeper);
  });
}

/** Where run/<program>.json gets a group that may read it: who deploys is not in that group, and can not give it away. */
function setUpDraft(layout: Layout, { program, account }: ForeignProgram, report: SetupReport): void {
  if (!isKept(program) || !isExposed(layout, program, account) || account.gid === undefined) return;
  const path = layout.keptDraft(program.name);
  const words = ["-o", shellWord(userName()), "-g", String(account.gid), "-m", DRAFT_MODE, shellWord(path)];
  report.administrator.push({
    why: `${layout.keptProgram(program.name)} holds the environment of ${program.name}, and everybody could read it unless the group of ${account.name} is given to it`,
    commands: [`install -d ${words.join(" ")}`],
  });
}

function setUpRunFolder(layout: Layout, { program, account }: ForeignProgram, report: SetupReport): void {
  const path = layout.programRun(program.name);
  const found = ifThere("look at", path, () => lstatSync(path));
  if (found !== undefined && !found.isDirectory()) throw new AgentError({ reason: "not-a-folder", path });
  const isGiven = found?.uid === account.uid;
  if (process.getuid?.() === 0) {
    if (isGiven) return;
    report.did(found === undefined ? "made" : "changed", `${path} (${account.name}'s)`);
    if (report.dryRun) return;
    onFile("give away", path, () => {
      mkdirSync(path, { recursive: true, mode: PUBLIC_DIR_MODE });
      chownSync(path, account.uid, -1);
    });
    return;
  }
  const isMine = found !== undefined && (process.getgroups?.() ?? []).includes(found.gid);
  if (isGiven && isMine && (found.mode & GROUP_WRITE) !== 0) return;
  const words = ["-o", String(account.uid), "-g", shellWord(ownGroup()), "-m", SHARED_FOLDER_MODE, shellWord(path)];
  report.administrator.push({
    why: `${program.name} runs as ${account.name}, ${isKept(program) ? "whose keeper" : "which"} must write to ${path}`,
    commands: [`install -d ${words.join(" ")}`],
  });
}
