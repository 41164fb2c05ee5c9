/** What `engines.node` of package.json says, for the launcher to check and to put into words. */

export interface NodeRange {
  readonly floor: readonly [number, number, number];
  /** `^22.22.2`: only that major; `>=26`: that one and all later. */
  readonly sameMajor: boolean;
}

/** Only `^a.b.c` and `>=a.b.c`, joined by `||`, are understood; anything else throws. */
export function parseEngines(engines: string): readonly NodeRange[] {
  return engines.split("||").map((part) => {
    const match = /^(\^|>=)(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(part.trim());
    if (match === null) throw new Error(`engines.node has a range that the launcher can not read: ${part.trim()}`);
    const [, operator, major, minor, patch] = match;
    return { floor: [Number(major), Number(minor ?? 0), Number(patch ?? 0)], sameMajor: operator === "^" };
  });
}

/** `22.22.2 or newer of 22, 24.15.0 or newer of 24, or 26 or newer`. */
export function engineSentence(engines: string): string {
  const parts = parseEngines(engines).map(({ floor, sameMajor }) => {
    const version = floor.join(".").replace(/(?:\.0)+$/, "");
    return sameMajor ? `${version} or newer of ${floor[0]}` : `${version} or newer`;
  });
  const last = parts.pop() ?? "";
  return parts.length === 0 ? last : `${parts.join(", ")}, or ${last}`;
}
