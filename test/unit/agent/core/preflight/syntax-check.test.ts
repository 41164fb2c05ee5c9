import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { syntaxCheck } from "../../../../../agent/core/preflight/syntax-check.ts";

const wordsOf = (command: string, environment: Record<string, string> = {}) =>
  syntaxCheck(command.split(" "), environment)?.words;

describe("the look that an interpreter takes at a script", () => {
  test("is Node's own, by the Node that the program runs on", () => {
    for (const name of ["server.js", "server.mjs", "server.cjs"]) {
      assert.deepEqual(wordsOf(`/opt/node/bin/node /r/${name} --port 80`), [
        "/opt/node/bin/node",
        "--check",
        `/r/${name}`,
      ]);
    }
  });

  test("is ruby's own, and Python's parser", () => {
    assert.deepEqual(wordsOf("/usr/bin/ruby3.1 /r/app.rb"), ["/usr/bin/ruby3.1", "-c", "/r/app.rb"]);
    assert.deepEqual(wordsOf("/usr/bin/python3 /r/app.py")?.slice(0, 2), ["/usr/bin/python3", "-c"]);
    assert.equal(wordsOf("/usr/bin/python3.12 /r/app.py")?.at(-1), "/r/app.py");
  });

  test("is none where something else may read it: another interpreter, an option, a language of its own", () => {
    const strange = [
      "/usr/bin/perl /r/app.pl",
      "/usr/bin/node --import /r/register.mjs",
      "/usr/bin/node /r/server.ts",
      "/usr/bin/python3 /r/app",
      "/usr/bin/nodemon /r/server.js",
      "/usr/bin/node",
    ];
    for (const command of strange) assert.equal(wordsOf(command), undefined, command);
    assert.equal(wordsOf("/usr/bin/node /r/server.js", { NODE_OPTIONS: "--import tsx" }), undefined);
    assert.equal(wordsOf("/usr/bin/ruby /r/app.rb", { RUBYOPT: "-rbundler/setup" }), undefined);
  });
});
