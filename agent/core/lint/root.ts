/** A program of root's whose files somebody else can change: whoever deploys is root on that host, whether or not that was meant. */
import type { LintFinding } from "../../wire/program.ts";
import { warn } from "./subject.ts";

/** `programUid`: undefined where the program's user is not known here; `ownUid`: whose the releases are. */
export function rootFindings(programUid: number | undefined, ownUid: number): LintFinding[] {
  if (programUid !== 0 || ownUid === 0) return [];
  const text = `root runs it, out of files that are uid ${ownUid}'s: whoever may deploy may do anything on this host`;
  return [warn("root-runs-deployed", text, "give it a user of its own (user: in deploy.yml)")];
}
