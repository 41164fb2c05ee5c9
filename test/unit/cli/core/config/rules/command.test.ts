import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkCommand } from "../../../../../../cli/core/config/rules/command.ts";
import { splitCommand } from "../../../../../../cli/core/config/rules/command-words.ts";

const problemOf = (line: string) => {
  const split = splitCommand(line);
  return "problem" in split ? `${split.offset ?? "-"} ${split.problem}` : split.ok;
};

describe("a command line", () => {
  test("is split by the quoting of a POSIX shell", () => {
    for (const [line, words] of [
      ["bin/shop", ["bin/shop"]],
      ["  bin/shop\t-a \n b ", ["bin/shop", "-a", "b"]],
      ["a 'b c' \"d e\"", ["a", "b c", "d e"]],
      ["a'b c'd", ["ab cd"]],
      ["a '' \"\"", ["a", "", ""]],
      ["a\\ b \\'c \\\\", ["a b", "'c", "\\"]],
      ['a "b\\"c\\\\d\\e\\$f"', ["a", 'b"c\\d\\e$f']],
      ["a 'b\\c$d`e'", ["a", "b\\c$d`e"]],
      ["a \\\nb", ["a", "b"]],
      [
        "bin/shop --rate=5% #1 app:create_app() *.py 50$ a&b",
        ["bin/shop", "--rate=5%", "#1", "app:create_app()", "*.py", "50$", "a&b"],
      ],
      ["a '|' \"&&\" \\>", ["a", "|", "&&", ">"]],
    ] as const) {
      assert.deepEqual(problemOf(line), words, line);
    }
  });

  test("nothing is expanded: what a shell would act on is refused where it stands", () => {
    const noShell = "but no shell reads this command";
    for (const [line, problem] of [
      ["a | b", `2 holds "|", ${noShell}`],
      ["a && b", `2 holds "&&", ${noShell}`],
      ["a ; b", `2 holds ";", ${noShell}`],
      ["a > log", `2 holds ">", ${noShell}`],
      ["a 2>&1", `2 holds "2>&1", ${noShell}`],
      ["a </dev/null", `2 holds "</dev/null", ${noShell}`],
      ["a $HOME", `2 holds "$", ${noShell}`],
      ['a "x $HOME/y"', `5 holds "$", ${noShell}`],
      ["a x`id`", `3 holds a backquote, ${noShell}`],
    ] as const) {
      assert.equal(problemOf(line), problem, line);
    }
  });

  test("what is not closed is refused where it was opened", () => {
    assert.equal(problemOf("a 'b c"), "2 opens a single quote that is never closed");
    assert.equal(problemOf('a x"b c'), "3 opens a double quote that is never closed");
    assert.equal(problemOf("a b\\"), "3 ends with a backslash that escapes nothing");
    assert.equal(problemOf("  "), "- is empty");
    assert.equal(problemOf("a 'b\u0007'"), "2 holds a control character");
  });

  test("any words that are quoted come back as they were", () => {
    const word = fc.string({ unit: "grapheme" }).filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
    const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
    const double = (text: string) => `"${text.replace(/[$`"\\]/g, "\\$&")}"`;
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.boolean()), { minLength: 1 }), (words) => {
        const line = words.map(([text, isSingle]) => (isSingle ? single(text) : double(text))).join(" ");
        assert.deepEqual(splitCommand(line), { ok: words.map(([text]) => text) });
      }),
    );
  });

  test("any text is split or refused at a place inside it", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a '"\\$|>]{0,12}$/));
    fc.assert(
      fc.property(text, (line) => {
        const split = splitCommand(line);
        if ("ok" in split) assert.ok(split.ok.length > 0);
        else if (split.offset !== undefined) assert.ok(split.offset < line.length);
      }),
    );
  });
});

describe("a program's command", () => {
  const complaintOf = (input: string | string[], use: "command" | "check" = "command") => {
    const checked = checkCommand(input, use);
    return "problem" in checked ? checked : undefined;
  };

  test("may be a list, whose words are taken as they are", () => {
    assert.deepEqual(checkCommand(["bin/shop", "a b", "", "|", "$HOME"], "command"), {
      ok: ["bin/shop", "a b", "", "|", "$HOME"],
    });
    assert.equal(complaintOf([])?.problem, "is empty");
    assert.deepEqual(complaintOf(["bin/shop", "a\nb"]), { problem: "holds a control character", at: [1] });
  });

  test("may use the placeholders that the agent fills in, and no others", () => {
    const all = "{current}/x {deploy_to} {shared}/y {run} {} {0} {A-Z}";
    assert.deepEqual(checkCommand(`bin/shop ${all}`, "command"), { ok: ["bin/shop", ...all.split(" ")] });
    assert.deepEqual(checkCommand("bin/shop {release}", "check"), { ok: ["bin/shop", "{release}"] });
    assert.deepEqual(complaintOf("bin/shop {release}"), {
      problem: "holds {release}, which is another one at each deploy",
      suggestion: "write {current}, which leads to the release that serves",
      offset: 9,
    });
    assert.deepEqual(complaintOf("bin/shop {user}"), {
      problem: "holds the unknown placeholder {user}",
      suggestion: "{current}, {deploy_to}, {shared}, {run} are known",
      offset: 9,
    });
    assert.equal(complaintOf("bin/shop {Current}")?.suggestion, 'did you mean "{current}"?');
  });

  test("can not begin with what is no program of the release", () => {
    for (const [line, problem] of [
      ["releases/v1/bin/shop", "names a release, and would start it for ever"],
      ["{deploy_to}/releases/v1/bin/shop", "names a release, and would start it for ever"],
      ["../bin/shop", 'holds "..", which leads out of the release'],
      ["~/bin/shop", "begins with ~, which is not expanded"],
      ["PORT=80 bin/shop", "begins with a variable, but no shell reads this command"],
      ["'' x", "has an empty first word"],
      ["gunicorn app:app", "would start current/gunicorn, since a relative first word stands under current/"],
    ] as const) {
      assert.equal(complaintOf(line)?.problem, problem, line);
    }
    for (const line of [
      "/usr/bin/gunicorn app:app",
      "./node x",
      "bin/shop",
      "shop",
      "{current}/bin/shop",
      "bin/releases/x",
    ]) {
      assert.equal(complaintOf(line), undefined, line);
    }
  });
});
