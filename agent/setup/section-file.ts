/** The project's section file on its way to supervisord: written, read, and taken back where it is not taken. */
import { dirname } from "node:path";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { withSections } from "../core/section/file.ts";
import type { RenderedSection } from "../core/section.ts";
import { fsyncPath, onFile, removeFile, replaceFile } from "../io/files.ts";
import { type ConfigChanges, FAULT, faultCode } from "../io/supervisor/supervisor.ts";
import type { SectionTarget } from "../io/supervisor/supervisor-sections.ts";

/** Has supervisord read its config, which applies nothing. A bad one is the failure `supervisor-config`. */
export async function readChanges({ supervisor }: HostContext, path?: string): Promise<ConfigChanges> {
  try {
    return await supervisor.reloadConfig();
  } catch (error) {
    if (faultCode(error) !== FAULT.CANT_REREAD || !(error instanceof AgentError)) throw error;
    const detail = error.failure.reason === "supervisor-fault" ? error.failure.text : "";
    const blamed = path ?? supervisor.address.configPath ?? supervisor.address.url;
    throw new AgentError({ reason: "supervisor-config", path: blamed, detail }, error);
  }
}

/**
 * Writes the sections and has them read. Whatever goes wrong, the file is as before when this throws.
 * The config must have been good before, so that what supervisord refuses now is this file. `known`: groups that supervisord has already.
 */
export async function placeSections(
  context: HostContext,
  target: SectionTarget,
  rendered: readonly RenderedSection[],
  known: ReadonlySet<string>,
  mode: number,
): Promise<ConfigChanges> {
  replaceFile(target.path, withSections(target.content, rendered), mode);
  try {
    const changes = await readChanges(context, target.path);
    const unread = rendered.find(({ name }) => !isRead(changes, known, name.replace(/^(?:fcgi-)?program:/, "")));
    if (unread === undefined) return changes;
    const detail = `supervisord does not take [${unread.name}] from it: it may run with another config`;
    throw new AgentError({ reason: "supervisor-config", path: target.path, detail });
  } catch (error) {
    takeBack(target, mode);
    // supervisord still holds what it read a moment ago. Should this fail too, the first failure is the one that counts.
    await context.supervisor.reloadConfig().catch(() => undefined);
    throw error;
  }
}

/** A section that was changed back says what is active: then there is no change to tell of. */
function isRead({ added, changed, removed }: ConfigChanges, known: ReadonlySet<string>, group: string): boolean {
  return added.includes(group) || changed.includes(group) || (known.has(group) && !removed.includes(group));
}

function takeBack({ path, content }: SectionTarget, mode: number): void {
  if (content !== undefined) {
    replaceFile(path, content, mode);
    return;
  }
  onFile("remove", path, () => {
    removeFile(path);
    fsyncPath(dirname(path));
  });
}

/** Somebody else may have been quicker: what counts is that it is there. */
export async function addGroup({ supervisor }: HostContext, group: string): Promise<void> {
  try {
    await supervisor.addProcessGroup(group);
  } catch (error) {
    if (faultCode(error) !== FAULT.ALREADY_ADDED) throw error;
  }
}
