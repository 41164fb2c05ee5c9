import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Checked } from "../../../../../../cli/core/config/rules/checked.ts";
import {
  checkName,
  checkProcess,
  checkUser,
  checkVariableName,
  checkVariableValue,
} from "../../../../../../cli/core/config/rules/names.ts";

const problemOf = (checked: Checked<string>) => ("problem" in checked ? checked.problem : undefined);

describe("names", () => {
  test("a project or a program is named so that supervisor, folders and logs can show it", () => {
    for (const name of ["shop", "Shop-2", "a.b_c", "1"]) assert.deepEqual(checkName(name), { ok: name });
    for (const name of [
      "",
      "a b",
      "a:b",
      "a/b",
      "a]b",
      "a;b",
      "a%b",
      "-a",
      ".a",
      "..",
      "é",
      "a\n",
      "a\u0000",
      "x".repeat(65),
      "__proto__",
    ]) {
      assert.ok("problem" in checkName(name), JSON.stringify(name));
    }
    assert.deepEqual(checkName("my shop"), {
      problem: "is no name: letters, digits and . _ - are allowed, a letter or a digit first",
      suggestion: 'did you mean "my-shop"?',
    });
  });

  test("a process is named as supervisorctl names it", () => {
    for (const name of ["shop", "web:shop_00", "a@b", "web:*"]) assert.deepEqual(checkProcess(name), { ok: name });
    for (const name of ["", "a b", "a:b:c", ":a", "a:", "a/b", "a\nb", "*", "a:*b"])
      assert.ok("problem" in checkProcess(name), name);
  });

  test("a program's user is a name or a number", () => {
    for (const name of ["www-data", "_x", "1000", "svc$"]) assert.deepEqual(checkUser(name), { ok: name });
    for (const name of ["", "a b", "-a", "a;b", "a%b", "a\n"]) assert.ok("problem" in checkUser(name), name);
  });
});

describe("environment variables", () => {
  test("names that a shell could use are taken", () => {
    for (const name of ["PORT", "_x", "a1"]) assert.deepEqual(checkVariableName(name), { ok: name });
    for (const name of ["", "1A", "A B", "A=B", "A-B", "é"])
      assert.match(problemOf(checkVariableName(name)) ?? "", /is no name/, name);
  });

  test("what a program hands its sockets over by can not be set", () => {
    for (const name of [
      ...[
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "ENDLESS_CONTINUE",
        "ENDLESS_SOCKET_ORDER",
        "IS_GRACEFUL",
        "GRACEFUL",
      ],
      ...[
        "OVERSEER_IS_SLAVE",
        "OVERSEER_X",
        "GO_UPGRADE_BIN_CHECK",
        "TABLEFLIP_HAS_PARENT_7DIU3",
        "EINHORN_FD_0",
        "SERVER_STARTER_PORT",
      ],
    ]) {
      assert.match(problemOf(checkVariableName(name)) ?? "", /hands its sockets/, name);
    }
    assert.match(problemOf(checkVariableName("ZDR_CURRENT")) ?? "", /zdr sets itself/);
    assert.deepEqual(checkVariableName("GRACEFUL_TIMEOUT"), { ok: "GRACEFUL_TIMEOUT" });
  });

  test("values that every supervisor reads back as they are, are taken", () => {
    for (const value of [
      "",
      "a b",
      "100%",
      "a;b#c",
      "a,b=c",
      "it's",
      "C:\\x",
      "é",
      "{current}/x",
      "{level}: {}",
      "$x `y`",
      "  x ",
    ]) {
      assert.deepEqual(checkVariableValue(value), { ok: value }, value);
    }
  });

  test("values that some supervisor would read as another text are refused", () => {
    for (const value of [
      "a\nb",
      "a\rb",
      'a"b',
      "a\u0007b",
      "'a",
      "a'",
      "it's a\\b",
      "a ; b",
      "a #b",
      "%(here)s/x",
      "{curent}/x",
      "\ud800",
    ]) {
      assert.ok("problem" in checkVariableValue(value), JSON.stringify(value));
    }
  });
});
