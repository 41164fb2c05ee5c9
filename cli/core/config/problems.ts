/** zod's issues in the words of whoever writes a deploy.yml. Values are never repeated here: any of them may be a secret. */
import type * as z from "zod/mini";
import { closest } from "../closest.ts";
import { type KeyPath, keysAt, schemaKeys } from "./keys.ts";
import type { Complaint } from "./rules/checked.ts";

/** Something wrong at a place of the data. */
export interface Finding extends Omit<Complaint, "at"> {
  readonly path: readonly PropertyKey[];
  /** Whether the key is what is wrong, or its value. */
  readonly on: "key" | "value";
}

/** More than anybody reads: whoever has as many gave the wrong file. Each costs a search for its place and its key. */
export const PROBLEMS_SHOWN = 100;

type Issue = z.core.$ZodIssue;

export function findingsOf(issues: readonly Issue[], data: unknown, schema: z.core.$ZodType): Finding[] {
  return issues.slice(0, PROBLEMS_SHOWN).flatMap((issue) => findingsOfIssue(issue, data, schema));
}

function findingsOfIssue(issue: Issue, data: unknown, schema: z.core.$ZodType): Finding[] {
  const { path } = issue;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, PROBLEMS_SHOWN).map((key) => unknownKey(path, key, schema));
    case "invalid_key":
      return issue.issues.flatMap((inner) => customFinding(inner, path, "key"));
    case "invalid_union":
      return unionFindings(issue, data, schema);
    case "custom":
      return customFinding(issue, path, "value");
    default:
      return [{ path, ...missingOr(valueAt(data, path), (value) => wordsOf(issue, value)) }];
  }
}

/** What a check of ours complained of (`checkedBy` in kinds.ts). About what is not there, the place is the key above it. */
function customFinding(issue: Issue, path: readonly PropertyKey[], on: Finding["on"]): Finding[] {
  const params = issue.code === "custom" ? (issue.params as Partial<Complaint> | undefined) : undefined;
  return [{ path, on, problem: issue.message, ...params }];
}

function missingOr(value: unknown, words: (value: unknown) => string): Pick<Finding, "on" | "problem"> {
  if (value === undefined) return { on: "key", problem: "is missing" };
  if (value === null) return { on: "key", problem: "has no value" };
  return { on: "value", problem: words(value) };
}

function wordsOf(issue: Issue, value: unknown): string {
  if (issue.code === "invalid_type")
    return `must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${kindOf(value)}`;
  if (issue.code === "too_small") return issue.origin === "array" ? "is empty" : `must be at least ${issue.minimum}`;
  if (issue.code === "too_big") return `must be at most ${issue.maximum}`;
  return "is not valid";
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "true or false";
  if (typeof value === "number") return Number.isInteger(value) ? "a number" : "a fraction";
  return typeof value === "object" ? "a mapping" : "this";
}

/**
 * A union fails with what each of its branches had against the value. The one that accepts values of this kind at all is
 * the one that was meant.
 */
function unionFindings(issue: z.core.$ZodIssueInvalidUnion, data: unknown, schema: z.core.$ZodType): Finding[] {
  const { path } = issue;
  const isForeign = (branch: readonly Issue[]) => branch.some((inner) => inner.path.length === 0 && isTypeIssue(inner));
  const meant = issue.errors.find((branch) => branch.length > 0 && !isForeign(branch));
  if (meant !== undefined) {
    const placed = meant.map((inner): Issue => ({ ...inner, path: [...path, ...inner.path] }));
    return findingsOf(placed, data, schema);
  }
  const expected = expectedOf(issue.errors.flat());
  return [
    {
      path,
      ...missingOr(
        valueAt(data, path),
        (value) => `must be ${[...new Set(expected)].join(" or ")}, not ${kindOf(value)}`,
      ),
    },
  ];
}

function isTypeIssue(issue: Issue): boolean {
  return issue.code === "invalid_type" || (issue.code === "invalid_union" && issue.errors.flat().every(isTypeIssue));
}

function expectedOf(issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === "invalid_union") return expectedOf(issue.errors.flat());
    return issue.code === "invalid_type" ? [EXPECTED[issue.expected] ?? issue.expected] : [];
  });
}

function unknownKey(path: readonly PropertyKey[], key: string, schema: z.core.$ZodType): Finding {
  const finding = { path: [...path, key], on: "key", problem: "unknown key" } as const;
  const here = keysAt(schema, path);
  const meant = closest(key, here);
  if (meant !== undefined) return { ...finding, suggestion: `did you mean "${meant}"?` };
  const elsewhere = schemaKeys(schema).filter(({ path: known }) => known.at(-1) === key);
  if (elsewhere.length > 0) {
    return { ...finding, suggestion: `it belongs ${elsewhere.map(({ path: known }) => under(known)).join(" or ")}` };
  }
  return here.length === 0 ? finding : { ...finding, suggestion: `known here: ${here.join(", ")}` };
}

function under(path: KeyPath): string {
  const parent = path.slice(0, -1).join(".").replaceAll(".*", "[…]");
  return parent === "" ? "at the top, without indentation" : `under ${parent}`;
}

/** undefined where there is nothing. */
export function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}
