import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ConfigSyntaxError,
  DEFAULT_SERVER_URL,
  environmentExpansions,
  expandValue,
  includePatterns,
  parseSupervisorConfig,
  supervisorctlServer,
} from "../../../../../agent/core/supervisor/supervisor-config.ts";

function parsed(text: string): Record<string, Record<string, string>> {
  const sections = [...parseSupervisorConfig(text)].map(([name, values]) => [name, Object.fromEntries(values)]);
  return Object.fromEntries(sections);
}

describe("a supervisord.conf is read as supervisor reads it", () => {
  const cases: readonly (readonly [string, string, Record<string, Record<string, string>>])[] = [
    ["dots in a section's name", "[program:app.v1.web]\na=1\n", { "program:app.v1.web": { a: "1" } }],
    ["a backslash before a dot", "[x\\.y]\na\\.b=1\n", { "x\\.y": { "a\\.b": "1" } }],
    ["a colon for the equals sign", "[s]\nkey : v\n", { s: { key: "v" } }],
    ["`;` and `#` inside a word", "[s]\npassword = p;a#s\n", { s: { password: "p;a#s" } }],
    ["a comment behind a blank", "[s]\ncommand=a b # c\nd=e ;f\n", { s: { command: "a b", d: "e" } }],
    ["a comment inside quotes", "[s]\ncommand=sh -c 'a ; b'\n", { s: { command: "sh -c 'a" } }],
    ["the `;` that wins over an earlier `#`", "[s]\nk=a#b #c ;d\n", { s: { k: "a#b #c" } }],
    [
      "continued lines, comments between them",
      "[s]\nk = a\n  b\n; no\n\n  c=d\ne=f\n",
      { s: { k: "a\nb\n\nc=d", e: "f" } },
    ],
    [
      "a value that starts on the next line",
      "[include]\nfiles =\n  a.conf\n  b.conf\n",
      { include: { files: "\na.conf\nb.conf" } },
    ],
    ["a comment behind a header", "[program:a] ; c\nk=v\n", { "program:a": { k: "v" } }],
    ["blanks in a header", "[program:a ]\nk=v\n", { "program:a ": { k: "v" } }],
    ["brackets in a header", "[a]b]c\nk=v\n", { "a]b": { k: "v" } }],
    [
      "words that ini takes for constants",
      "[s]\na=true\nb=false\nc=null\nd=\n",
      { s: { a: "true", b: "false", c: "null", d: "" } },
    ],
    ["quotes, which stay", `[s]\na="q"\nb='q'\nc="\n`, { s: { a: '"q"', b: "'q'", c: '"' } }],
    ["a key that ini takes for a list", "[s]\narr[]=1\narr[]=2\n", { s: { "arr[]": "2" } }],
    ["backslashes", "[s]\na=\\;\\#\\n\\\\\n", { s: { a: "\\;\\#\\n\\\\" } }],
    ["capitals in keys alone", "[S]\nKEY=V\n", { S: { key: "V" } }],
    ["the last of equal keys", "[s]\na=1\nA=2\n", { s: { a: "2" } }],
    ["a section that is opened again", "[s]\na=1\nb=1\n[t]\n[s]\nb=2\n", { s: { a: "1", b: "2" }, t: {} }],
    ["[DEFAULT], which every section inherits", "[s]\na=1\n[DEFAULT]\na=0\nb=0\n", { s: { a: "1", b: "0" } }],
    ["CRLF and CR", "[s]\r\na=1\rb=2\r\n", { s: { a: "1", b: "2" } }],
    ["U+2028, which ends no line", "[s]\na=x\u2028y\nb\u2029c=1\n", { s: { a: "x\u2028y", "b\u2029c": "1" } }],
    ["sections that look like numbers, in order", "[2]\na=1\n[1]\nb=2\n", { "2": { a: "1" }, "1": { b: "2" } }],
    ["a header inside a value", "[s]\nk=v\n  [t]\n", { s: { k: "v\n[t]" } }],
    ["an indented file", "  [s]\n  a=1\n  b=2\n", { s: { a: "1", b: "2" } }],
    ["nothing", "", {}],
  ];

  for (const [what, text, expected] of cases) {
    test(what, () => {
      assert.deepEqual(parsed(text), expected);
    });
  }

  test("sections and keys called __proto__ are sections and keys", () => {
    const values = parseSupervisorConfig("[__proto__]\n__proto__=1\n").get("__proto__");
    assert.equal(values?.get("__proto__"), "1");
  });

  test("what supervisor refuses is refused, with the line", () => {
    for (const [text, line] of [
      ["key=1\n", 1],
      ["\ufeff[s]\n", 1],
      ["[s]\n\nword\n", 3],
      ["[s]\n=v\n", 2],
      ["[]\n", 1],
    ] as const) {
      assert.throws(
        () => parseSupervisorConfig(text),
        (error) => error instanceof ConfigSyntaxError && error.line === line,
        JSON.stringify(text),
      );
    }
  });
});

describe("expansion", () => {
  const names = new Map<string, string | number>([
    ["here", "/etc/a"],
    ["ENV_X", "100%(here)s"],
    ["process_num", 7],
  ]);

  test("puts names and numbers in, and makes %% one", () => {
    assert.equal(expandValue("%(here)s/x%%y", names), "/etc/a/x%y");
    assert.equal(expandValue("w_%(process_num)02d%(process_num)s", names), "w_077");
    assert.equal(expandValue("plain", names), "plain");
  });

  test("with a width that would fill the memory, or with thousands of beginnings of a name, is refused at once", () => {
    assert.throws(() => expandValue("%(here)999999999s", names), ConfigSyntaxError);
    assert.throws(() => expandValue("%(here)99999999s", names), ConfigSyntaxError);
    assert.throws(() => expandValue("%(".repeat(300_000), names), ConfigSyntaxError);
  });

  test("does not expand what it has put in", () => {
    assert.equal(expandValue("%(ENV_X)s", names), "100%(here)s");
    assert.equal(expandValue("%%(here)s", names), "%(here)s");
  });

  test("refuses an unknown name and a lone %", () => {
    for (const text of ["%(nosuch)s", "100%", "%s", "%(here)q", "%(here)d", "%(here", "date +%Y"]) {
      assert.throws(() => expandValue(text, names), ConfigSyntaxError, text);
    }
  });

  test("knows every variable of the environment as ENV_…", () => {
    assert.deepEqual([...environmentExpansions({ A: "1", B: undefined })], [["ENV_A", "1"]]);
  });
});

describe("[include]", () => {
  test("holds patterns between blanks and line ends", () => {
    const config = parseSupervisorConfig("[include]\nfiles = a/*.conf  %(ENV_D)s/b.ini\n  c.conf\n");
    assert.deepEqual(includePatterns(config, new Map([["ENV_D", "/d"]])), ["a/*.conf", "/d/b.ini", "c.conf"]);
  });

  test("may be missing, but not its files", () => {
    assert.deepEqual(includePatterns(parseSupervisorConfig("[supervisord]\n"), new Map()), []);
    assert.throws(() => includePatterns(parseSupervisorConfig("[include]\n"), new Map()), ConfigSyntaxError);
  });
});

describe("[supervisorctl]", () => {
  const context = { here: "/etc/sv", env: { SECRET: "s%s", HOME: "/root" } };

  test("says where the server is and who asks", () => {
    const text = "[supervisorctl]\nserverurl=unix://%(here)s/s.sock ; here\nusername=u%%\npassword=%(ENV_SECRET)s;#\n";
    const expected = { url: "unix:///etc/sv/s.sock", username: "u%", password: "s%s;#" };
    assert.deepEqual(supervisorctlServer(text, context), expected);
  });

  test("without a serverurl means supervisor's own address", () => {
    assert.deepEqual(supervisorctlServer("[supervisorctl]\n", context), { url: DEFAULT_SERVER_URL });
  });

  test("has to be there, and %(here)s is known in serverurl alone", () => {
    assert.throws(() => supervisorctlServer("[unix_http_server]\nfile=/s\n", context), /no \[supervisorctl\]/);
    assert.throws(() => supervisorctlServer("[supervisorctl]\npassword=%(here)s\n", context), ConfigSyntaxError);
  });
});
