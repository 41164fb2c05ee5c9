/** What an administrator puts where, and types, so that supervisord gets a project's sections. */
import { dirname } from "node:path";
import type { HostContext } from "../context.ts";
import { isKept } from "../core/presets.ts";
import { withSections } from "../core/section/file.ts";
import type { RenderedSection } from "../core/section.ts";
import { shellWord, supervisorctl } from "../core/supervisor/ctl.ts";
import { readCurrent } from "../io/current.ts";
import { userName } from "../io/files.ts";
import type { SectionTarget } from "../io/supervisor/supervisor-sections.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { ownGroup } from "./layout.ts";
import type { AdministratorStep } from "./report.ts";

/** Never `update`, which would also restart whatever else has changed. */
export function administratorStep(
  context: HostContext,
  target: SectionTarget | undefined,
  rendered: readonly RenderedSection[],
  groups: readonly string[],
  supervisorUid: number,
): AdministratorStep {
  const { configPath } = context.supervisor.address;
  const ctl = supervisorctl(configPath);
  // Without a release the program can not start; stopped, it waits for the first deploy.
  const isFirst = readCurrent(context.layout) === undefined;
  const verbs = isFirst ? ["add", "stop"] : ["add"];
  const file = sectionFile(context, target, rendered);
  const isOwn = target !== undefined && target.state !== "foreign";
  const close = isOwn ? closing(context, file.path, supervisorUid) : [];
  const commands = groups.flatMap((group) => verbs.map((verb) => `${ctl} ${verb} ${shellWord(group)}`));
  return {
    why: reason(target, configPath),
    commands: [...close, `${ctl} reread`, ...commands],
    file,
  };
}

/** Whether the sections of these programs say what may be secret; what a keeper starts stands elsewhere. */
export function holdsEnvironment(programs: readonly ProgramPlan[]): boolean {
  return programs.some((program) => !isKept(program) && Object.keys(program.environment).length > 0);
}

/** For supervisord, and for who deploys, who knows what stands in it. */
function closing({ project }: HostContext, path: string, supervisorUid: number): string[] {
  if (!holdsEnvironment(project.programs)) return [];
  const word = shellWord(path);
  return [`chown ${supervisorUid}:${shellWord(ownGroup())} ${word}`, `chmod 0640 ${word}`];
}

function reason(target: SectionTarget | undefined, configPath: string | undefined): string {
  const put = "put these sections into it";
  if (configPath === undefined) return `supervisord's config is not known (deploy.yml: supervisor.config): ${put}`;
  if (target === undefined) return `${configPath} includes no folder for a file of this project: ${put}`;
  if (target.state === "foreign") return `${target.path} was not written by zdr: ${put}, or into another file`;
  if (!target.isWritable) return `${userName()} may not write to ${dirname(target.path)}`;
  return `${userName()} may not have supervisord read its config`;
}

function sectionFile(
  { supervisor, project }: HostContext,
  target: SectionTarget | undefined,
  rendered: readonly RenderedSection[],
): { path: string; content: string } {
  if (target !== undefined && target.state !== "foreign") {
    return { path: target.path, content: withSections(target.content, rendered) };
  }
  const path = target?.path ?? supervisor.address.configPath ?? `${project.project}.conf`;
  return { path, content: rendered.map(({ text }) => text).join("\n") };
}
