/** Our reading of supervisor's files beside Python's own: one python3 process answers for all cases at once. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { matchesPart } from "../../../agent/core/supervisor/python-glob.ts";
import { splitBlanks } from "../../../agent/core/supervisor/python-text.ts";
import {
  ConfigSyntaxError,
  expandValue,
  parseSupervisorConfig,
} from "../../../agent/core/supervisor/supervisor-config.ts";
import { RUNS, recordNight, SEED } from "../../support/fuzz/fuzz.ts";
import { runOk } from "../../support/processes.ts";

/** Debian's python3, which is what its supervisor runs on. */
const PYTHON = "/usr/bin/python3";
const GENERATED = Math.max(3_000, RUNS);
/** Python needs less than a millisecond for each, on a machine that does nothing else. */
const PYTHON_TIMEOUT_MS = 60_000 + GENERATED * 20;

// The parser as supervisor/options.py, UnhosedConfigParser, sets it up. None stands for a refusal.
const ORACLE = `
import configparser, fnmatch, io, json, sys

def parse(text):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(';', '#'), strict=False)
    try:
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.Error:
        return None
    return [[section, parser.items(section)] for section in parser.sections()]

def expand(case):
    try:
        text = case['value'] % case['names']
    except Exception:
        return None
    # '%s' without a name prints the whole dict, which nobody can mean: we refuse it.
    return None if "{'here'" in text else text

def matches(case):
    name, pattern = case
    return (pattern[:1] == '.' or name[:1] != '.') and fnmatch.fnmatchcase(name, pattern)

cases = json.load(sys.stdin)
json.dump({
    'files': [parse(text) for text in cases['files']],
    'values': [expand(case) for case in cases['values']],
    'names': [matches(case) for case in cases['names']],
    'words': [text.split() for text in cases['words']],
}, sys.stdout)
`;

const NASTY_FILES = [
  "",
  "[s]",
  "[program:app.v1.web]\ncommand=/x\n[program:app.v1]\ncommand=/y\n[program]\na.b=c\n",
  "[program:a ;c]\nk=v\n",
  "[s]\nx=1\n[program:a ;c]\nk=v\n",
  "[s] ; c\nk : v ; c\nl=a;b#c\nm=a #b ;c\nn=a;b ;c #d\no=a#b #c ;d\np=;\nq=#\nr= ;x\n",
  "[s]\nk = a\n\tb\n  ; no\n  # no\n\n\n  c = d\n\n[t]\n",
  "[s]\nk =\n  a\n  b : c\n d\ne\n",
  "[s]\nk = a\n  [t]\n [u]\n[v]\n",
  "[s]\n  k = a\n    b\n  l = c\n m = d\n   e\n",
  "  [s]\n  k = v\n    w\n[t]\nx=y\n",
  "[s]\nk=1\nK=2\nk : 3\n[t]\nk=4\n[s]\nl=5\nk=6\n",
  "[DEFAULT]\na=1\nB=2\n[s]\na=3\n[DEFAULT]\nc=4\n[t]\n",
  "[default]\na=1\n[s]\n",
  "[__proto__]\n__proto__=1\nconstructor=2\n[constructor]\nhasOwnProperty=3\n",
  '[s]\na=true\nb=null\nc="x\nd=\'y\'\ne=""\nf=\\;\ng=a\\.b\nh=[x]\ni==\nj=a=b:c\n',
  "[s]\narr[]=1\narr[]=2\n[t]\narr[]=3\n[]]\nx=1\n[[]\ny=2\n[a]b]c]d\nz=3\n[=]\nw=4\n",
  "[s]\r\nk=v\r\n\r\n  w\rl=x\n",
  "\ufeff[s]\nk=v\n",
  "[s]\nk=\u00a0v\u3000\n\u00a0w=x\u2028y\nz\u0085=\u001fa\u001c\nfeff=\ufeff\n",
  "[s]\nk=v\u2003;c\u00a0#d\nl=x\u0085;y\nm=x\u200b;y\n",
  "k=v\n[s]\n",
  "[s]\nword\n",
  "[s]\n=v\n",
  "[s]\n[]\n",
  "[s]\n[]=x\n[a\nb]=c\n",
  "[s]\nÉTÉ=Σ\nΑΣ=ς\nİ=i\n",
  "; c\n\n# d\n[s]\n;k=v\n #l=w\nm=n\n",
  "[1]\n2=3\n[0]\n1=4\n0=5\n[-1]\n",
  "[s]\nk=v\n   \n\t\n  w\n   \n",
  "[s]\nk=🚀 ;x\n🚀=k\n[🚀.🚀]\na=b\n",
];

const atom = fc.constantFrom(
  ...["a", "B", ".", "k", "=", ":", "[", "]", ";", "#", " ", "  ", "\t", "'", '"', "\\", "%", "true", "[s]", "[t.u]"],
  ...["k=", "k = v", "K : w", " ;", " #", "\u00a0", "\u2028", "\u0085", "\u001d", "\ufeff", "é", "🚀", "__proto__"],
  ...["DEFAULT", "[DEFAULT]", "null", "[]", "\\.", "0", ",", "/"],
);
const line = fc.array(atom, { maxLength: 7 }).map((atoms) => atoms.join(""));
const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");
/** Most begin with a header: without one, Python gives up at the first line that says anything. */
const file = fc
  .tuple(
    fc.constantFrom("[s]\n", "[s]\nk=v\n", "[a.b]\nk = v\n", ""),
    fc.array(fc.tuple(line, lineEnd), { maxLength: 9 }),
  )
  .map(([head, lines]) => head + lines.flat().join(""));
/** Lines that mean something to Python, so that few of these files are refused. */
const tameLine = fc.oneof(
  fc
    .tuple(fc.constantFrom("k", "l.m", "N", "o[]", "p q"), fc.constantFrom("=", " = ", ":", " : "), line)
    .map((each) => each.join("")),
  fc.tuple(fc.constantFrom("  ", "\t", " ; ", " # ", ";", "    "), line).map((each) => each.join("")),
  fc.constantFrom("", "[s]", "[t.u] ;c", "[DEFAULT]", "[v;w]x"),
);
const tameFile = fc.array(tameLine, { maxLength: 9 }).map((lines) => `[s]\nk=v\n${lines.join("\n")}`);

const EXPANSIONS = { here: "/etc/a", "ENV_X.Y": "100%(here)s", process_num: 7, "": "empty" };
const valueAtom = fc.constantFrom(
  "%",
  "%%",
  "%(here)s",
  "%(ENV_X.Y)s",
  "%(process_num)02d",
  "%(process_num)d",
  "%(here)8s",
  "%(here)d",
  "%(no)s",
  "%()s",
  "b",
  "s",
  "(",
  ")",
);
const value = fc.array(valueAtom, { maxLength: 5 }).map((atoms) => atoms.join(""));

const patternAtom = fc.constantFrom(
  "*",
  "**",
  "?",
  "[",
  "]",
  "!",
  "-",
  "a",
  "b",
  "z",
  ".",
  "^",
  "\\",
  "[a-c]",
  "[!a]",
  "[]]",
  "[c-a]",
  "[a-]",
  "🚀",
  "$",
  "+",
);
/** Sets that are none, and those that hold what would end them. */
const NASTY_PATTERNS = ["[!]", "[]", "[!]]", "[]]", "[!", "[", "[!!]", "[]!]", "[!]]]"];
const nameAtom = fc.constantFrom("a", "b", "c", "z", ".", "-", "]", "[", "!", "^", "\\", "🚀", "$", "+", "\n");
const joined = (atoms: fc.Arbitrary<string>) =>
  fc.array(atoms, { minLength: 1, maxLength: 5 }).map((each) => each.join(""));

const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns = GENERATED): T[] =>
  fc.sample(arbitrary, { seed: SEED, numRuns });
const cases = {
  files: [...NASTY_FILES, ...sample(file), ...sample(tameFile)],
  values: sample(value).map((each) => ({ value: each, names: EXPANSIONS })),
  names: [
    ...NASTY_PATTERNS.flatMap((pattern) =>
      ["!", "]", "[!]", "[]", "a", "[", "a]"].map((name) => [name, pattern] as const),
    ),
    ...sample(fc.tuple(joined(nameAtom), joined(patternAtom))),
  ],
  words: sample(joined(fc.constantFrom("a", " ", "\u001c", "\u0085", "\u00a0", "\u200b", "\u3000", "\ufeff", "\n"))),
};

interface Answers {
  readonly files: readonly (readonly [string, readonly [string, string][]][] | null)[];
  readonly values: readonly (string | null)[];
  readonly names: readonly boolean[];
  readonly words: readonly string[][];
}
let python: Answers;

/** Undefined stands for a refusal, as Python's None does. */
function accepted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigSyntaxError) return undefined;
    throw error;
  }
}

describe("a config reads as Python's configparser reads it", () => {
  before(async () => {
    python = JSON.parse(
      await runOk([PYTHON, "-c", ORACLE], { input: JSON.stringify(cases), timeoutMs: PYTHON_TIMEOUT_MS }),
    );
  });

  test("every section and option of hand-written and of generated files", () => {
    let refusals = 0;
    for (const [index, text] of cases.files.entries()) {
      const expected = python.files[index];
      const ours = accepted(() => parseSupervisorConfig(text));
      assert.deepEqual(
        ours,
        expected ? new Map(expected.map(([name, items]) => [name, new Map(items)])) : undefined,
        JSON.stringify(text),
      );
      if (ours === undefined) refusals++;
    }
    // Both kinds have to be among the cases, or they prove little.
    assert.ok(refusals > 100 && refusals < cases.files.length / 2, `${refusals} of ${cases.files.length} were refused`);
    recordNight({ title: "every section and option of generated files", cases: cases.files.length });
  });

  test("every expansion that a config can hold", () => {
    const names = new Map(Object.entries(EXPANSIONS));
    for (const [index, each] of cases.values.entries()) {
      assert.equal(
        accepted(() => expandValue(each.value, names)) ?? null,
        python.values[index],
        JSON.stringify(each.value),
      );
    }
    recordNight({ title: "every expansion that a config can hold", cases: cases.values.length });
  });

  test("every pattern of [include]", () => {
    for (const [index, [name, pattern]] of cases.names.entries()) {
      assert.equal(matchesPart(name, pattern), python.names[index], JSON.stringify({ name, pattern }));
    }
    assert.ok(python.names.filter(Boolean).length > 100);
    recordNight({ title: "every pattern of [include]", cases: cases.names.length });
  });

  test("every kind of white space between words", () => {
    for (const [index, text] of cases.words.entries()) {
      assert.deepEqual(splitBlanks(text), python.words[index], JSON.stringify(text));
    }
    recordNight({ title: "every kind of white space between words", cases: cases.words.length });
  });
});
