/**
 * The slot: a hard link of the program's binary in `run/<program>/`, which supervisor starts in the release's place.
 * overseer re-executes the realpath of its own binary, which for a slot is the slot: it finds the new binary there, and
 * the releases stay untouched.
 */
import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, renameSync, unlinkSync } from "node:fs";
import { binaryOf } from "../activation/program-view.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { PUBLIC_DIR_MODE } from "../core/layout.ts";
import { discardFile, fsyncPath, ifThere, onFile, temporaryBeside } from "../io/files.ts";
import { moment } from "../io/moment.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { isReadable, isSameContent } from "./content.ts";

/** Renames a hard link of the release's binary over the slot. */
export function fillSlot(context: HostContext, program: ProgramPlan, tag: string): void {
  const { slot, binary } = slotOf(context, program);
  const temporary = temporaryBeside(slot);
  const folder = context.layout.programRun(program.name);
  onFile("fill the slot", slot, () => {
    // One that is there may be the program's user's.
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, PUBLIC_DIR_MODE);
    linkSync(`${context.layout.release(tag)}/${binary}`, temporary);
    moment("slot: linked");
    try {
      // rename(2) does nothing where both names are links of one file already, so the temporary name is removed as well.
      renameSync(temporary, slot);
      moment("slot: renamed");
    } finally {
      discardFile(temporary);
    }
    // Before the ledger speaks of the release: after a crash of the host, supervisord starts what the slot holds then.
    fsyncPath(folder);
  });
}

export function emptySlot(context: HostContext, program: ProgramPlan): void {
  const { slot } = slotOf(context, program);
  ifThere("empty the slot", slot, () => {
    unlinkSync(slot);
    fsyncPath(context.layout.programRun(program.name));
  });
}

/**
 * Fills the slot once more where it no longer holds the release: a fetcher that had begun to read the binary before puts
 * that one there when it is done with it (overseer's proc_master.go, fetch, overwrites whatever is there by then).
 */
export async function holdSlot(context: HostContext, program: ProgramPlan, tag: string): Promise<void> {
  const { slot, binary } = slotOf(context, program);
  if (!(await isSameContent(slot, `${context.layout.release(tag)}/${binary}`))) fillSlot(context, program, tag);
}

/**
 * Puts a copy of the release's binary into the slot: the same bytes with another time of writing. overseer's File fetcher
 * notes that time before it has read the file: what comes while it reads, as it does for half a second after each upgrade, is
 * noted and never read (fetcher_file.go, Fetch). Whenever the copy comes, what is read from then on is the release.
 */
export function offerAgain(context: HostContext, program: ProgramPlan, tag: string): void {
  const { slot, binary } = slotOf(context, program);
  const temporary = temporaryBeside(slot);
  onFile("fill the slot", slot, () => {
    try {
      copyFileSync(`${context.layout.release(tag)}/${binary}`, temporary, constants.COPYFILE_FICLONE);
      // A link's bytes are durable already; a torn copy would be what supervisord starts after a crash of the host.
      fsyncPath(temporary);
      renameSync(temporary, slot);
      fsyncPath(context.layout.programRun(program.name));
    } catch (error) {
      discardFile(temporary);
      throw error;
    }
  });
}

/**
 * Whether a process executes the very bytes of the release's binary: then a program that looks for a new one finds none.
 * Asked before the slot is filled, which is what runs where the process itself is closed to this user.
 */
export async function runsSameBinary(
  context: HostContext,
  program: ProgramPlan,
  pid: number,
  tag: string,
): Promise<boolean> {
  const { slot, binary } = slotOf(context, program);
  const exe = `/proc/${pid}/exe`;
  return isSameContent((await isReadable(exe)) ? exe : slot, `${context.layout.release(tag)}/${binary}`);
}

function slotOf({ layout }: HostContext, program: ProgramPlan): { readonly slot: string; readonly binary: string } {
  const binary = binaryOf(program);
  if (binary === undefined) {
    const detail = `program ${program.name}: a slot needs a binary of the release`;
    throw new AgentError({ reason: "bad-request", detail });
  }
  return { slot: layout.slot(program.name, binary), binary };
}
