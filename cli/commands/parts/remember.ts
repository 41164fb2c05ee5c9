/** What a command saw of the hosts, kept for whoever types the next one. */
import { join } from "node:path";
import type { Survey } from "../../../agent/protocol.ts";
import { rememberTags } from "../../io/known-tags.ts";
import type { Run } from "../../run.ts";
import type { Opened } from "./open.ts";

/** zdr's own folder in the user's cache. */
export function cacheFolderOf({ env, home }: Pick<Run, "env" | "home">): string {
  return join(env.XDG_CACHE_HOME || join(home, ".cache"), "zdr");
}

/** The releases that are there, for completion; those that some host proved last come first. `more`: comes there now. */
export function rememberReleases(run: Run, { config }: Opened, surveys: readonly Survey[], ...more: string[]): void {
  const present = surveys.flatMap(({ releases }) => releases.filter(({ isPresent }) => isPresent));
  const newestFirst = [...present].sort((a, b) => (b.provedRank ?? -1) - (a.provedRank ?? -1));
  rememberTags(cacheFolderOf(run), config.folder, [...more, ...newestFirst.map(({ tag }) => tag)]);
}
