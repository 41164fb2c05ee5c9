/** A config made of two files: one for everywhere, and over it what differs in one environment. */
import { isMapping } from "./mapping.ts";

/** Mappings are merged key by key; anything else takes the place of what was there, and null takes it away. */
export function mergeData(base: unknown, over: unknown): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const merged = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    if (value === null) merged.delete(key);
    else merged.set(key, merged.has(key) ? mergeData(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** Whether what stands at a path comes from this file: it, or what it is a part of, stands there. */
export function hasPart(data: unknown, path: readonly PropertyKey[]): boolean {
  let value = data;
  for (const step of path) {
    if (!isMapping(value) && !Array.isArray(value)) return false;
    if (!Object.hasOwn(value, step)) return Array.isArray(value);
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return true;
}
