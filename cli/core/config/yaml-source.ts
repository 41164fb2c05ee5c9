/** YAML text as data, with the place of every part of it. The only door to `yaml`. */
import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { didYouMean } from "../closest.ts";
import type { Finding } from "./problems.ts";
import { syntaxWords } from "./yaml-words.ts";

/** Both counted from 1; columns in UTF-16 units, as editors do. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

export interface SyntaxProblem extends TextPlace {
  readonly problem: string;
  readonly suggestion?: string;
}

export interface YamlSource {
  readonly data: unknown;
  /** Where there are any, `data` is not to be relied on. */
  readonly syntax: readonly SyntaxProblem[];
  /** Wrong too, but the data is there: repeated keys and the like. */
  readonly findings: readonly Finding[];
  /** Of a part, or of the nearest thing around it that is there. */
  placeOf(finding: Pick<Finding, "path" | "on" | "offset">): TextPlace;
}

/** After a few, the others only follow from them. */
const SYNTAX_PROBLEMS_SHOWN = 5;
/** How often aliases may be unfolded; more is an attack on memory. */
const ALIAS_LIMIT = 100;
const MERGE = "<<";

type Path = readonly PropertyKey[];
type Part = Node | null | undefined;
type Targets = Map<Alias, Node>;

/** What one walk over the tree is after. */
interface Inspection {
  readonly tree: Document;
  readonly isText: (path: Path) => boolean;
  readonly placeAt: (offset: number) => TextPlace;
  /** By name; of several with one name, the last so far. */
  readonly anchors: Map<string, Node>;
  /** What each alias stands for. The parser's own resolve() walks the whole file for each of them. */
  readonly targets: Targets;
  readonly syntax: SyntaxProblem[];
  readonly findings: Finding[];
}

/**
 * YAML 1.2 with merge keys; every key counts as text.
 *
 * @param isText where numbers, `true` and the like are meant as they are written.
 */
export function readYaml(source: string, isText: (path: Path) => boolean): YamlSource {
  // A byte order mark is no part of the first line that anybody sees.
  const text = source.replace(/^\uFEFF/, "");
  const options = { merge: true, stringKeys: true, uniqueKeys: false, prettyErrors: false, logLevel: "error" } as const;
  const tree: Document = parseDocument(text, options);
  const placeAt = placesIn(text);
  const inspection: Inspection = {
    tree,
    isText,
    placeAt,
    anchors: new Map(),
    targets: new Map(),
    syntax: parserProblems(tree, placeAt),
    findings: [],
  };
  if (inspection.syntax.length === 0) inspect(tree.contents, [], inspection);
  return {
    data: inspection.syntax.length === 0 ? unfold(inspection) : undefined,
    syntax: inspection.syntax,
    findings: inspection.findings,
    placeOf: (finding) => placeAt(offsetOf({ tree, targets: inspection.targets, text }, finding)),
  };
}

/** The first of each line, and not all of a long row of them. */
function parserProblems(tree: Document, placeAt: Inspection["placeAt"]): SyntaxProblem[] {
  const byLine = new Map<number, SyntaxProblem>();
  for (const error of [...tree.errors, ...tree.warnings]) {
    const place = placeAt(error.code === "MISSING_CHAR" ? openingOf(tree, error.pos[0]) : error.pos[0]);
    if (!byLine.has(place.line)) byLine.set(place.line, { ...place, ...syntaxWords(error.code, error.message) });
    if (error.code === "RESOURCE_EXHAUSTION") break;
  }
  return [...byLine.values()].slice(0, SYNTAX_PROBLEMS_SHOWN);
}

/** A missing closing quote is noticed at the end of the file; what helps is where it was opened. */
function openingOf(tree: Document, end: number): number {
  let part: Part = tree.contents;
  while (isCollection(part)) {
    const last: unknown = part.items.at(-1);
    part = isMap(part) ? ((last as Pair<Part, Part> | undefined)?.value ?? null) : (last as Part);
  }
  return isScalar(part) && part.range?.[1] === end ? part.range[0] : end;
}

function inspect(part: Part, path: Path, inspection: Inspection): void {
  if ((isCollection(part) || isScalar(part)) && part.anchor !== undefined) inspection.anchors.set(part.anchor, part);
  if (isAlias(part)) {
    inspectAlias(part, inspection);
  } else if (isScalar(part)) {
    const isWritten = part.source !== undefined && part.value !== null && typeof part.value !== "string";
    if (isWritten && inspection.isText(path)) part.value = part.source;
  } else if (isSeq(part)) {
    for (const [index, item] of part.items.entries()) inspect(item as Part, [...path, index], inspection);
  } else if (isMap(part)) {
    inspectMapping(part, path, inspection);
  }
}

function inspectAlias(alias: Alias, { anchors, targets, placeAt, syntax }: Inspection): void {
  const target = anchors.get(alias.source);
  if (target !== undefined) targets.set(alias, target);
  if (target !== undefined || syntax.length >= SYNTAX_PROBLEMS_SHOWN) return;
  const suggestion = didYouMean(alias.source, anchors.keys());
  const problem = `*${alias.source} refers to no &${alias.source} above it`;
  syntax.push({ ...placeAt(alias.range?.[0] ?? 0), problem, ...(suggestion && { suggestion }) });
}

function inspectMapping(mapping: YAMLMap, path: Path, inspection: Inspection): void {
  const seen = new Map<string, number>();
  const repeated = new Set<string>();
  const merges: Pair<Part, Part>[] = [];
  for (const pair of mapping.items as Pair<Part, Part>[]) {
    const key = keyOf(pair);
    const here = { path: [...path, key], on: "key" } as const;
    const earlier = seen.get(key);
    if (key === MERGE) merges.push(pair);
    else if (earlier === undefined) seen.set(key, startOf(pair.key) ?? 0);
    else if (!repeated.has(key)) {
      repeated.add(key);
      inspection.findings.push({ ...here, problem: `stands in line ${inspection.placeAt(earlier).line} already` });
    }
    // Objects take it for their prototype, and zod passes over it in silence.
    if (key === "__proto__") inspection.findings.push({ ...here, problem: "unknown key" });
    inspect(pair.value, here.path, inspection);
  }
  for (const pair of merges) inspectMerge(pair, inspection);
}

function inspectMerge(pair: Pair<Part, Part>, { targets, placeAt, syntax }: Inspection): void {
  const sources = isSeq(pair.value) ? (pair.value.items as Part[]) : [pair.value];
  if (sources.every((source) => isMap(resolved(source, targets)))) return;
  syntax.push({
    ...placeAt(startOf(pair.key) ?? 0),
    problem: "<< takes the alias of a mapping, or a list of such aliases",
  });
}

function unfold({ tree, syntax, placeAt }: Inspection): unknown {
  try {
    return tree.toJS({ maxAliasCount: ALIAS_LIMIT });
  } catch (error) {
    // Unknown aliases were told before; what is left is too many of them, or one inside itself.
    if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
    syntax.push({ ...placeAt(0), problem: "its aliases unfold to more than any deploy.yml needs" });
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Places
// ---------------------------------------------------------------------------------------------------------------------

/** Not by the parser's own LineCounter: it misses the breaks inside a key of several lines. */
function placesIn(text: string): Inspection["placeAt"] {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  return (offset) => {
    let line = 0;
    let above = starts.length;
    while (above - line > 1) {
      const middle = (line + above) >> 1;
      if ((starts[middle] ?? 0) <= offset) line = middle;
      else above = middle;
    }
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}

interface Located {
  /** What leads to the value: its key, or the item itself. */
  readonly key: Part;
  readonly value: Part;
  /** False: this is only the nearest thing around it. */
  readonly isExact: boolean;
}

/** A file that was read, for looking up places in it. */
interface Source {
  readonly tree: Document;
  readonly targets: Targets;
  readonly text: string;
}

function locate({ tree, targets }: Source, path: Path): Located {
  let located: Located = { key: undefined, value: tree.contents, isExact: true };
  for (const step of path) {
    const outer = resolved(located.value, targets);
    // A list of one may be written as the one.
    if (isScalar(outer) && step === 0) continue;
    const inner = innerOf(outer, step, targets);
    if (inner === undefined) return { ...located, isExact: false };
    located = inner;
  }
  return located;
}

function innerOf(outer: Part, step: PropertyKey, targets: Targets): Located | undefined {
  if (isSeq(outer)) {
    const item = outer.items[Number(step)] as Part;
    return item === undefined ? undefined : { key: item, value: item, isExact: true };
  }
  if (!isMap(outer)) return undefined;
  const pair = pairOf(outer, String(step), targets, new Set());
  return pair && { key: pair.key, value: pair.value, isExact: true };
}

/** The last of a repeated key counts; keys of the mapping itself come before merged ones. */
function pairOf(mapping: YAMLMap, key: string, targets: Targets, seen: Set<Part>): Pair<Part, Part> | undefined {
  if (seen.has(mapping)) return undefined;
  seen.add(mapping);
  const pairs = mapping.items as Pair<Part, Part>[];
  const own = pairs.findLast((pair) => keyOf(pair) === key);
  if (own !== undefined) return own;
  const merged = pairs
    .filter((pair) => keyOf(pair) === MERGE)
    .flatMap(({ value }) => (isSeq(value) ? (value.items as Part[]) : [value]));
  return merged
    .map((source) => resolved(source, targets))
    .filter(isMap)
    .map((source) => pairOf(source, key, targets, seen))
    .find((pair) => pair !== undefined);
}

function offsetOf(source: Source, { path, on, offset }: Pick<Finding, "path" | "on" | "offset">): number {
  const { text } = source;
  const { key, value, isExact } = locate(source, path);
  const keyStart = startOf(key) ?? startOf(value) ?? 0;
  const [start, end] = rangeOf(value) ?? [keyStart, keyStart];
  if (on === "key" || !isExact || start === end) return keyStart;
  if (offset === undefined || !isScalar(value)) return start;
  const written = text.slice(start, end);
  if (written === value.value) return start + offset;
  // Only where the quotes hold the text as it is can a place in the value be told in the file.
  return written.slice(1, -1) === value.value ? start + 1 + offset : start;
}

function resolved(part: Part, targets: Targets): Part {
  return isAlias(part) ? targets.get(part) : part;
}

function keyOf(pair: Pair<Part, Part>): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function startOf(part: Part): number | undefined {
  return rangeOf(part)?.[0];
}

function rangeOf(part: Part): readonly [number, number] | undefined {
  const range = part?.range;
  return range ? [range[0], range[1]] : undefined;
}
