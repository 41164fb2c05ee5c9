/** Data that somebody wrote, as far as it is a mapping. */

export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Anything else counts as an empty one. */
export function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}
