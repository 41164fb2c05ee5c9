/** Programs that hooks name in the release, and that the build does not have: told before anything is changed. */
import { posix } from "node:path";
import { HOOK_EVENTS, type HookEvent } from "../../../agent/wire/plan.ts";
import type { ManifestEntry } from "../../../agent/wire/release.ts";
import type { Config } from "../config.ts";
import { costOf } from "./hooks.ts";

export interface MissingProgram {
  readonly when: HookEvent;
  /** As deploy.yml has it. */
  readonly program: string;
  readonly problem: string;
  /** It will be missing there for certain, and that would cost more than a warning. */
  readonly isCostly: boolean;
}

/**
 * Of hooks that run on hosts in the release. What a shell or PATH finds, and what lies in shared/ or behind a link, only the host knows;
 * and whether a hook before it makes what the build lacks: an environment for Python, say.
 */
export function missingPrograms(
  { hooks, shared }: Pick<Config, "hooks" | "shared">,
  entries: readonly ManifestEntry[],
): MissingProgram[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const outlives = [...shared.dirs, ...shared.files];
  return inRelease(hooks).flatMap(({ when, argv, on_failure }, at) => {
    const [program = ""] = argv;
    if (!program.includes("/") || program.startsWith("/")) return [];
    const path = posix.normalize(program);
    if (path.startsWith("../") || isBehind(path, outlives) || leadsThroughLink(path, byPath)) return [];
    const problem = problemOf(byPath.get(path));
    if (problem === undefined) return [];
    if (at > 0)
      return [{ when, program, problem: `${problem}, unless a hook before it sees to that`, isCostly: false }];
    return [{ when, program, problem, isCostly: costOf(when, on_failure) !== "a warning" }];
  });
}

/** On hosts, in their order: what runs once comes first. Before it is staged there is no release to run in. */
function inRelease(hooks: Config["hooks"]) {
  return HOOK_EVENTS.filter((when) => when !== "before_stage").flatMap((when) => {
    const own = (hooks[when] ?? []).filter(({ on }) => on === "hosts").map((hook) => ({ when, ...hook }));
    return own.toSorted((a, b) => Number(b.once) - Number(a.once));
  });
}

const isBehind = (path: string, places: readonly string[]) =>
  places.some((place) => path === place || path.startsWith(`${place}/`));

function leadsThroughLink(path: string, entries: ReadonlyMap<string, ManifestEntry>): boolean {
  for (let part = path; part !== "."; part = posix.dirname(part)) {
    if (entries.get(part)?.type === "link") return true;
  }
  return false;
}

function problemOf(entry: ManifestEntry | undefined): string | undefined {
  if (entry === undefined) return "is not in it";
  if (entry.type !== "file") return "is a folder";
  return (entry.mode & 0o111) === 0 ? "is not executable (chmod +x)" : undefined;
}
