import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  environmentProblem,
  expandValue,
  parseEnvironment,
  quoteCommand,
  quoteEnvironment,
  quoteValue,
  splitCommand,
  valueProblem,
  wordProblem,
} from "../../../../../agent/core/section/quoting.ts";
import { readBlocks } from "../../../../../agent/core/supervisor/config-lines.ts";

/** What supervisor's config parser leaves of `key=value`. */
function asRead(value: string): string | undefined {
  return readBlocks(`[program:x]\nkey=${value}\n`)[0]?.options[0]?.value;
}

describe("command", () => {
  const cases: [name: string, words: string[], text: string][] = [
    ["plain words stay as they are", ["/a/b", "-x", "k=v:1,2"], "/a/b -x k=v:1,2"],
    ["a percent sign is doubled", ["date", "+%Y"], "date +%%Y"],
    ["blanks are quoted", ["a b"], "'a b'"],
    ["an empty word is kept", ["a", ""], "a ''"],
    ["single quotes leave their quotes for a moment", ["it's"], `'it'"'"'s'`],
    ["a blank before ; or # is parted from it", ["a ; b # c"], "'a ''; b ''# c'"],
    ["%(here)s is not for the config parser", ["%(here)s"], "'%%''(here)s'"],
    ["$ means nothing", ["$1 $&"], "'$1 $&'"],
  ];
  for (const [name, words, text] of cases) {
    test(name, () => {
      assert.equal(quoteCommand(words), text);
      assert.deepEqual(splitCommand(expandValue(quoteCommand(words)) ?? ""), words);
    });
  }

  test("any words come back through the config parser, the expansion and shlex", () => {
    const hostile = fc.string({ unit: fc.constantFrom(..."ab ;#%'\"\\()heres=,\u00a0ü漢🙂[]{}$`") });
    const word = fc.oneof(hostile, fc.string({ unit: "grapheme" })).filter((text) => wordProblem(text) === undefined);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const read = asRead(quoteCommand(words)) ?? "";
        assert.ok(!read.includes("%(here)s"));
        assert.deepEqual(splitCommand(expandValue(read) ?? ""), words);
      }),
    );
  });

  test("control characters and half surrogates are refused", () => {
    for (const word of ["a\nb", "a\tb", "\0", "\u0085", "\ud800"]) assert.notEqual(wordProblem(word), undefined);
  });

  const splits: [command: string, words: string[] | undefined][] = [
    ["  a   b\n c ", ["a", "b", "c"]],
    ['"a b"c', ["a bc"]],
    ['a\\ b "c\\"d" "e\\f"', ["a b", 'c"d', "e\\f"]],
    ["'a", undefined],
    ['"a', undefined],
    ["a\\", undefined],
    ["", []],
  ];
  for (const [command, words] of splits) {
    test(`${JSON.stringify(command)} splits as Python's shlex does`, () =>
      assert.deepEqual(splitCommand(command), words));
  }
});

describe("environment", () => {
  test("values stand in double quotes, those with a backslash in single ones", () => {
    const text = quoteEnvironment({ A: "x y, z", B: "a\\\\b", C: "", D: "it's", E: "100%" });
    assert.equal(text, `A="x y, z",B='a\\\\b',C="",D="it's",E="100%%"`);
  });

  for (const [name, value] of [
    ["A", 'say "hi"'],
    ["A", "'quoted'"],
    ["A", "it's \\ both"],
    ["A", "a ; b"],
    ["A", "a\t# b"],
    ["A", "two\nlines"],
    ["A", "%(here)s"],
    ["A-B", "x"],
    ["1A", "x"],
    ["", "x"],
  ] as const) {
    test(`${name}=${JSON.stringify(value)} is refused`, () =>
      assert.notEqual(environmentProblem(name, value), undefined));
  }

  test("any pairs without a problem come back", () => {
    const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/);
    const value = fc.string({ unit: fc.constantFrom(..."ab ;#%'\\,=()ü漢🙂") });
    const pairs = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key });
    fc.assert(
      fc.property(pairs, (all) => {
        const good = all.filter(([key, text]) => environmentProblem(key, text) === undefined);
        const read = asRead(quoteEnvironment(Object.fromEntries(good))) ?? "";
        assert.deepEqual(parseEnvironment(read), new Map(good));
      }),
    );
  });

  test("what only supervisord can expand is known to be unknown", () => {
    assert.deepEqual(
      parseEnvironment('A="%(ENV_HOME)s/x", B=1'),
      new Map([
        ["A", undefined],
        ["B", "1"],
      ]),
    );
  });

  test("text that is no plain pairs is not guessed about", () => {
    for (const raw of ["A", "A=b c", 'A="b', "A='b'c", "=b"]) assert.equal(parseEnvironment(raw), undefined, raw);
  });
});

describe("bare values", () => {
  for (const value of ["", " a", "a ", "a ;b", "a #b", "a\nb", "%(here)s/x"]) {
    test(`${JSON.stringify(value)} is refused`, () => assert.notEqual(valueProblem(value), undefined));
  }
  test("others are written as they are, with percent signs doubled", () => {
    assert.equal(valueProblem("/data/100% my;shop"), undefined);
    assert.equal(asRead(quoteValue("/data/100% my;shop")), "/data/100%% my;shop");
  });
});

describe("expansion", () => {
  test("%% is a percent sign, %(x)s is for supervisord alone", () => {
    assert.equal(expandValue("a%%b"), "a%b");
    assert.equal(expandValue("%%(x)s"), "%(x)s");
    assert.equal(expandValue("%(x)s"), undefined);
    assert.equal(expandValue("%%%(x)s"), undefined);
  });
});
