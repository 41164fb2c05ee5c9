/** What deploy.yml may say, key by key, in words: from its JSON Schema. */
import type { JsonSchema } from "../config/json-schema.ts";

export interface KeyInfo {
  /** `programs.*.reload.drain`; `*` is a name of one's own, or any item of a list. */
  readonly path: string;
  readonly help: string;
  /** `text or a number`, `one of: stop, revert-all` */
  readonly type: string;
  /** As it would be written. */
  readonly default?: string;
  readonly isRequired: boolean;
}

/** Every key, parents before children. */
export function keysOf(schema: JsonSchema, path: readonly string[] = []): KeyInfo[] {
  return branchesOf(schema).flatMap((branch) => {
    const { properties = {}, required = [], additionalProperties, items } = branch;
    const inner = typeof additionalProperties === "object" ? keysOf(additionalProperties, [...path, "*"]) : [];
    const ofItems = items === undefined ? [] : keysOf(items, [...path, "*"]);
    const own = Object.entries(properties).flatMap(([name, value]) => [
      infoOf(value, [...path, name], required.includes(name)),
      ...keysOf(value, [...path, name]),
    ]);
    return [...own, ...inner, ...ofItems];
  });
}

export type KeyAnswer =
  | { readonly kind: "found"; readonly key: KeyInfo; readonly children: readonly KeyInfo[] }
  | { readonly kind: "unknown"; readonly known: readonly string[] };

/** `written`: as people write it: `programs.shop.reload`, `hosts[0].port`, `hooks.before_keep.run`, `drain`. */
export function findKey(schema: JsonSchema, written: string): KeyAnswer {
  const keys = keysOf(schema);
  const steps = written.replaceAll(/\[\d*\]/g, ".*").split(".");
  // A name of one's own, or an item of a list, is explained by what it is one of.
  const exact =
    bestFit(keys, steps) ?? (steps.length > 1 ? bestFit(keys, steps.slice(0, -1), isCollection(keys)) : undefined);
  // Its end, where only one key ends so: people remember the key and not where it stands.
  const named = exact === undefined ? keys.filter(({ path }) => endsWith(path.split("."), steps)) : [];
  const key = exact ?? (named.length === 1 ? named[0] : undefined);
  if (key === undefined)
    return { kind: "unknown", known: named.length > 1 ? named.map(({ path }) => path) : keys.map(({ path }) => path) };
  const depth = key.path.split(".").length;
  const isChild = (path: string) => {
    const rest = path.startsWith(`${key.path}.`) ? path.split(".").slice(depth) : [];
    return rest.length > 0 && rest.indexOf(rest.find((step) => step !== "*") ?? "") === rest.length - 1;
  };
  return { kind: "found", key, children: keys.filter(({ path }) => isChild(path)) };
}

/** The key of which most is written as it stands there. */
function bestFit(
  keys: readonly KeyInfo[],
  steps: readonly string[],
  isMeant = (_: KeyInfo) => true,
): KeyInfo | undefined {
  const fitting = keys.flatMap((key) => {
    const literal = literalSteps(key.path.split("."), steps);
    return literal === undefined || !isMeant(key) ? [] : [{ key, literal }];
  });
  return fitting.sort((a, b) => b.literal - a.literal)[0]?.key;
}

/** Whether these are the last steps of the path, from one of its own names on. */
function endsWith(path: readonly string[], steps: readonly string[]): boolean {
  return path.some((name, at) => name === steps[0] && literalSteps(path.slice(at), steps) !== undefined);
}

/** How many of the steps are those of the path; a `*` is any step, or none. undefined: they do not fit. */
function literalSteps(path: readonly string[], steps: readonly string[]): number | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return steps.length === 0 ? 0 : undefined;
  if (first !== "*") {
    const more = first === steps[0] ? literalSteps(rest, steps.slice(1)) : undefined;
    return more === undefined ? undefined : more + 1;
  }
  const one = steps.length === 0 ? undefined : literalSteps(rest, steps.slice(1));
  const none = literalSteps(rest, steps);
  return one === undefined || none === undefined ? (one ?? none) : Math.max(one, none);
}

function isCollection(keys: readonly KeyInfo[]): (key: KeyInfo) => boolean {
  return ({ path }) => keys.some((other) => other.path.startsWith(`${path}.*.`));
}

function infoOf(schema: JsonSchema, path: readonly string[], isRequired: boolean): KeyInfo {
  const help = schema.description ?? "";
  const written = defaultOf(schema.default);
  return {
    path: path.join("."),
    help,
    type: typeOf(schema),
    isRequired,
    ...(written === undefined ? {} : { default: written }),
  };
}

/** Of what is empty if left out there is nothing to say. */
function defaultOf(value: unknown): string | undefined {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0))
    return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

const NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  object: "a mapping",
  array: "a list",
};

function typeOf(schema: JsonSchema): string {
  const names = branchesOf(schema).flatMap((branch): string[] => {
    if (branch.enum !== undefined) return [`one of: ${branch.enum.join(", ")}`];
    if (branch.items !== undefined) return [`a list of ${typeOf(branch.items)}`];
    const types = typeof branch.type === "string" ? [branch.type] : (branch.type ?? []);
    return types.map((type) => `${NAMES[type] ?? type}${rangeOf(branch)}`);
  });
  return [...new Set(names)].join(" or ");
}

function rangeOf({ minimum, maximum }: JsonSchema): string {
  return minimum === undefined || maximum === undefined ? "" : ` from ${minimum} to ${maximum}`;
}

function branchesOf(schema: JsonSchema): JsonSchema[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(branchesOf);
}
