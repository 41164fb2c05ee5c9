/** Where the supervisor sections of programs stand, and where those of a project belong. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentError } from "../../core/failure.ts";
import { isOwnFile } from "../../core/section/file.ts";
import { programNameOf, sectionNameOf } from "../../core/section.ts";
import { isPattern, matchesPart } from "../../core/supervisor/python-glob.ts";
import type { ProgramPlan } from "../../wire/plan.ts";
import { errnoOf, mayWrite } from "../files.ts";
import { readProgramSections, type SupervisorSections } from "./sections.ts";
import type { ResolvedAddress } from "./supervisor-discovery.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A section with all that its files say of it. */
export interface ProgramSection {
  /** The last file that has it. */
  readonly file: string;
  /** Raw values; of a section in several files, the later ones win. */
  readonly values: ReadonlyMap<string, string>;
}

/** The config that names this server, read as supervisord would; undefined: no file names it, or it is not readable. */
export function readSections(address: ResolvedAddress, env: Environment = process.env): SupervisorSections | undefined {
  if (address.configPath === undefined) return undefined;
  try {
    return readProgramSections(address.configPath, env);
  } catch (error) {
    if (error instanceof AgentError && error.failure.reason === "not-permitted") return undefined;
    throw error;
  }
}

/** Sections by name (`program:shop`), as far as they can be read. */
export function bySectionName(files: SupervisorSections | undefined): Map<string, ProgramSection> {
  const merged = new Map<string, ProgramSection>();
  for (const { name, file, values } of files?.sections ?? []) {
    merged.set(name, { file, values: new Map([...(merged.get(name)?.values ?? []), ...values]) });
  }
  return merged;
}

/** A program's own section, of whichever kind it is. */
export function sectionOf<Section>(program: ProgramPlan, sections: ReadonlyMap<string, Section>): Section | undefined {
  const name = programNameOf(program);
  const found = sections.get(sectionNameOf(program));
  return found ?? sections.get(`program:${name}`) ?? sections.get(`fcgi-program:${name}`);
}

/** The file that `setup` writes a project's sections to. */
export interface SectionTarget {
  readonly path: string;
  /** Absent: nothing is there. */
  readonly content?: string;
  /** `foreign`: somebody else wrote what is there, or it can not be read; it is not touched. */
  readonly state: "free" | "own" | "foreign";
  /** Whether this user may put a file there. */
  readonly isWritable: boolean;
}

/**
 * `<project>` with the ending that the first fitting pattern of `[include]` asks for, in that pattern's folder. Undefined:
 * supervisord includes no folder in which such a file would be read.
 */
export function findSectionTarget(files: SupervisorSections, project: string): SectionTarget | undefined {
  for (const pattern of files.includePatterns) {
    const folder = dirname(pattern);
    const name = fittingName(basename(pattern), project);
    if (name !== undefined && !folder.split("/").some(isPattern)) return lookAt(join(folder, name));
  }
  return undefined;
}

function fittingName(pattern: string, project: string): string | undefined {
  const candidates = [`${project}.conf`, `${project}.ini`, pattern.replace(/^\*/, project)];
  return candidates.find((name) => matchesPart(name, pattern));
}

function lookAt(path: string): SectionTarget {
  const isWritable = mayWrite(dirname(path));
  try {
    const content = readFileSync(path, "utf8");
    return { path, content, state: isOwnFile(content) ? "own" : "foreign", isWritable };
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return { path, state: errnoOf(error) === "ENOENT" ? "free" : "foreign", isWritable };
  }
}
