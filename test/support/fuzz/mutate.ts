/** Valid input with something done to it: what a parser believes by then is where it can be misled. */
import fc from "fast-check";

/** Characters that end, quote, escape, hide or turn something somewhere. */
export const NASTY_CHARACTERS = [
  ...[
    "\0",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\x1b",
    "\x7f",
    "\x85",
    "\u00a0",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ufffd",
  ],
  ...[
    " ",
    "  ",
    "'",
    '"',
    "`",
    "\\",
    "/",
    "..",
    ":",
    ";",
    "#",
    "%",
    "$",
    "&",
    "|",
    "<",
    ">",
    "=",
    ",",
    "-",
    "!",
    "*",
    "?",
  ],
  ...["[", "]", "{", "}", "(", ")", "@", "~", "^", "+", "0", "-1", "1e999", "é", "e\u0301", "🚀", "\ud83d", "\ude80"],
];
export const NASTY_TEXTS = [
  ...NASTY_CHARACTERS,
  ...[
    "",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "../../../etc/passwd",
    "/etc/passwd",
    "%(here)s",
    "%s%n",
  ],
  ...["__proto__", "constructor", "toString", "prototype", "null", "undefined", "NaN", "true", "[object Object]"],
  ...["\x1b]0;owned\x07", "\x1b[2J", "a".repeat(300), "-oProxyCommand=touch pwned", "--", "$IFS", "\\x00", "{{x}}"],
];

type Edit =
  | { readonly kind: "insert" | "replace"; readonly at: number; readonly text: string }
  | { readonly kind: "remove" | "repeat" | "move"; readonly at: number; readonly length: number }
  | { readonly kind: "blow up"; readonly at: number; readonly times: number };

/** Places are shares of the text, so that they keep their sense in a text of another length. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const length = fc.oneof({ weight: 3, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(400) });

function edits(tokens: readonly string[]): fc.Arbitrary<Edit[]> {
  const text = fc.oneof(fc.constantFrom(...tokens), fc.constantFrom(...NASTY_CHARACTERS), fc.string({ maxLength: 8 }));
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constantFrom("insert" as const, "replace" as const), at: place, text }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("remove" as const, "repeat" as const, "move" as const),
        at: place,
        length,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("blow up" as const),
        at: place,
        times: fc.integer({ min: 2, max: 3000 }),
      }),
    },
  );
  return fc.array(edit, { minLength: 1, maxLength: 6 });
}

/** Texts of `base` with one to six edits; `tokens` are what the language is made of. */
export function mutatedText(base: fc.Arbitrary<string>, tokens: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(base, edits(tokens)).map(([text, list]) => list.reduce(editText, text));
}

function editText(text: string, edit: Edit): string {
  const at = Math.floor(edit.at * (text.length + 1));
  const rest = text.slice(at);
  const head = text.slice(0, at);
  switch (edit.kind) {
    case "insert":
      return head + edit.text + rest;
    case "replace":
      return head + edit.text + rest.slice(edit.text.length);
    case "remove":
      return head + rest.slice(edit.length);
    case "repeat":
      return head + rest.slice(0, edit.length) + rest;
    case "move":
      return rest.slice(0, edit.length) + head + rest.slice(edit.length);
    case "blow up":
      return head + rest.slice(0, 1).repeat(edit.times) + rest;
  }
}

/** Bytes of `base` with some of them changed, gone, or there twice. */
export function mutatedBytes(base: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), at: place, byte: fc.nat(255) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "twice" as const), at: place, length }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), at: place }) },
  );
  return fc.tuple(base, fc.array(change, { minLength: 1, maxLength: 6 })).map(([bytes, changes]) => {
    let result = Buffer.from(bytes);
    for (const one of changes) {
      const at = Math.floor(one.at * result.length);
      if (one.kind === "set") result[at] = one.byte;
      else if (one.kind === "end") result = result.subarray(0, at);
      else {
        const rest = result.subarray(at + (one.kind === "cut" ? one.length : 0));
        const piece = one.kind === "cut" ? Buffer.alloc(0) : result.subarray(at, at + one.length);
        result = Buffer.concat([result.subarray(0, at), piece, rest]);
      }
    }
    return result;
  });
}

/** Values that no schema of the wire means. */
const WRONG_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 1e300, Number.MAX_SAFE_INTEGER, "", "x", [], {}, [[]], [null], { a: 1 }],
  ...[JSON.parse('{"__proto__":{"a":1}}'), { toString: 1, valueOf: 1 }, { length: 4_294_967_295 }, { next: 1 }],
  ...[{ constructor: { prototype: 1 } }, "\ud800", "\0", "x".repeat(2000)],
];

/** JSON text of `base` in which one to three values are others, gone, or have company. */
export function mutatedJson(base: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const change = fc.record({
    at: place,
    how: fc.constantFrom("replace", "replace", "remove", "add", "deepen"),
    wrong: fc.oneof(fc.constantFrom(...WRONG_VALUES), fc.constantFrom(...NASTY_TEXTS), fc.jsonValue({ maxDepth: 2 })),
    key: fc.constantFrom("__proto__", "constructor", "id", "kind", "verb", "x"),
  });
  return fc.tuple(base, fc.array(change, { minLength: 1, maxLength: 3 })).map(([value, changes]) => {
    const root: Holder = { value: structuredClone(value) };
    for (const { at, how, wrong: shared, key } of changes) {
      // Of its own: another change may put something into it.
      const wrong = structuredClone(shared);
      const places = placesIn(root);
      const [holder, name] = places[Math.floor(at * places.length)] ?? [root, "value"];
      if (how === "replace") holder[name] = wrong;
      else if (how === "remove") delete holder[name];
      else if (how === "deepen") holder[name] = [[[holder[name]]]];
      else Object.defineProperty(holder, key, { value: wrong, enumerable: true, configurable: true, writable: true });
    }
    return JSON.stringify(root.value) ?? "";
  });
}

type Holder = Record<string, unknown>;

function placesIn(holder: Holder): [Holder, string][] {
  return Object.keys(holder).flatMap((name) => {
    const inner = holder[name];
    const below = typeof inner === "object" && inner !== null ? placesIn(inner as Holder) : [];
    return [[holder, name] as [Holder, string], ...below];
  });
}
