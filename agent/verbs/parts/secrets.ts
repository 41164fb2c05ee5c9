/** Files of an environment that everybody on the host can read: it may hold secrets, and deploy.yml does not say which. */
import { statSync } from "node:fs";
import { type Account, closedFolder, mayAccess, READ } from "../../activation/account.ts";
import type { HostContext } from "../../context.ts";
import { warn } from "../../core/lint/subject.ts";
import { isKept } from "../../core/presets.ts";
import { errnoOf } from "../../io/files.ts";
import { isExposed } from "../../kept/spec.ts";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";

/** `account`: the program's. `sectionFile`: where its supervisor section stands, if that is known. Names only, no values. */
export function secretFindings(
  { layout }: HostContext,
  program: ProgramPlan,
  account: Account | undefined,
  sectionFile: string | undefined,
): LintFinding[] {
  const names = Object.keys(program.environment).join(", ");
  if (names === "") return [];
  if (isKept(program)) {
    if (!isExposed(layout, program, account)) return [];
    const text = `everybody on this host will be able to read ${names} in ${layout.keptProgram(program.name)}, which ${account?.name ?? "its user"} must read`;
    return [warn("environment-exposed", text, "zdr setup")];
  }
  if (sectionFile === undefined || !isReadableByAll(sectionFile)) return [];
  const text = `everybody on this host can read ${names} in ${sectionFile}`;
  return [warn("environment-exposed", text, `chmod o= ${sectionFile}`)];
}

const ANYBODY: Account = { name: "anybody", uid: -1, gids: new Set(), gid: undefined };

function isReadableByAll(path: string): boolean {
  try {
    return mayAccess(statSync(path), ANYBODY, READ) && closedFolder(path, ANYBODY) === undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
