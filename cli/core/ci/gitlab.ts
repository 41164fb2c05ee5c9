/** Collapsible sections in a GitLab job's log (docs.gitlab.com, "Job logs", custom collapsible sections). */

const ERASE = "\x1b[0K";

/** `name` names the section inside of its log, once; `startedAt` is in seconds since 1970. */
export function startSection(name: string, title: string, startedAt: number, isCollapsed: boolean): string {
  const options = isCollapsed ? "[collapsed=true]" : "";
  return `${ERASE}section_start:${startedAt}:${name}${options}\r${ERASE}${title}`;
}

export function endSection(name: string, endedAt: number): string {
  return `${ERASE}section_end:${endedAt}:${name}\r${ERASE}`;
}
