import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkFiles, DOORS, importsOf, withoutComments } from "../../../scripts/import-rules.ts";

const problemsOf = (path: string, text: string) => checkFiles([{ path, text }]).map(({ problem }) => problem);
const isRefused = (path: string, text: string, problem: RegExp) => {
  const problems = problemsOf(path, text);
  assert.ok(
    problems.some((found) => problem.test(found)),
    `${path}: ${text}: ${JSON.stringify(problems)}`,
  );
};

describe("import directions", () => {
  test("looking at no file is a violation", () => {
    assert.equal(checkFiles([]).length, 1);
  });

  test("the layers may import what lies under them", () => {
    for (const [path, text] of [
      ["cli/main.ts", 'import { program } from "./program.ts";'],
      ["cli/commands/deploy.ts", 'import { connect } from "../io/ssh.ts";'],
      ["cli/io/session.ts", 'import { Reply } from "../../agent/protocol.ts";'],
      ["agent/io/files.ts", 'import { layoutOf } from "../core/layout.ts";'],
      ["test/e2e/deploy.test.ts", 'import { startRig } from "../support/rig.ts";'],
    ] as const) {
      assert.deepEqual(problemsOf(path, text), [], path);
    }
  });

  test("no layer may import what lies above it", () => {
    isRefused("cli/io/ssh.ts", 'import { deploy } from "../commands/deploy.ts";', /must not import cli\/commands/);
    isRefused("cli/core/plan.ts", 'import { read } from "../io/config-file.ts";', /must not import cli\/io/);
    isRefused("agent/core/ledger.ts", 'import { read } from "../io/files.ts";', /must not import agent\/io/);
    isRefused("agent/main.ts", 'import { explain } from "../cli/explain.ts";', /must not import cli\/explain/);
    isRefused("agent/protocol.ts", 'import type { X } from "./core/layout.ts";', /must not import/);
  });

  test("of the agent the CLI imports the protocol and nothing else", () => {
    for (const path of ["cli/main.ts", "cli/commands/status.ts", "cli/io/session.ts", "cli/core/plan.ts"]) {
      const up = "../".repeat(path.split("/").length - 1);
      assert.deepEqual(problemsOf(path, `import { Reply } from "${up}agent/protocol.ts";`), []);
      isRefused(path, `import { layoutOf } from "${up}agent/core/layout.ts";`, /must not import agent\/core/);
    }
  });

  test("nothing imports test/ but tests and scripts", () => {
    isRefused("cli/io/local.ts", 'import { rig } from "../../test/support/rig.ts";', /imports test/);
    assert.deepEqual(problemsOf("scripts/demo.ts", 'import { rig } from "../test/support/rig.ts";'), []);
  });

  test("a dynamic import, a re-export, a type import and a require count as imports", () => {
    for (const text of [
      'const x = await import("../commands/x.ts");',
      'export { x } from "../commands/x.ts";',
      'import type { X } from "../commands/x.ts";',
      'const x = require("../commands/x.ts");',
      'import {\n  a,\n  b,\n} from "../commands/x.ts";',
      'import "../commands/x.ts";',
    ]) {
      isRefused("cli/io/x.ts", text, /must not import cli\/commands/);
    }
  });

  test("an import inside a comment or a string is none", () => {
    assert.deepEqual(importsOf("const text = 'import \"x\";';"), []);
    assert.deepEqual(importsOf('// import { a } from "x";\n/* import "y"; */\nconst url = "http://a//b";'), []);
    assert.equal(withoutComments('a("//b"); // c\nd').length, 'a("//b"); // c\nd'.length);
  });

  test("the violation names the line of the import", () => {
    const [violation] = checkFiles([{ path: "cli/io/x.ts", text: '// one\n\nimport "../commands/x.ts";\n' }]);
    assert.equal(violation?.line, 3);
  });

  test("a specifier without .ts is refused", () => {
    isRefused("cli/io/x.ts", 'import { a } from "./a";', /\.ts/);
  });
});

describe("one package, one door", () => {
  test("a package is imported by its door only", () => {
    for (const [name, doors] of Object.entries(DOORS)) {
      for (const door of doors) assert.deepEqual(problemsOf(door, `import { x } from "${name}";`), []);
      isRefused("cli/io/elsewhere.ts", `import { x } from "${name}/sub";`, new RegExp(`^${name} has its door`));
    }
  });

  test("listr2 may stand in one file of cli/io and in no second one", () => {
    const tree = { path: "cli/io/tree.ts", text: 'import { Listr } from "listr2";' };
    assert.deepEqual(checkFiles([tree]), []);
    assert.equal(checkFiles([tree, { ...tree, path: "cli/io/table.ts" }]).length, 2);
    isRefused("cli/commands/deploy.ts", 'const { Listr } = await import("listr2");', /listr2 has its door/);
  });
});

describe("core purity", () => {
  test("core imports no node module but node:path", () => {
    assert.deepEqual(problemsOf("agent/core/layout.ts", 'import { posix } from "node:path";'), []);
    for (const name of ["fs", "fs/promises", "crypto", "os", "process"]) {
      isRefused("agent/core/x.ts", `import { x } from "node:${name}";`, /core imports node:/);
      isRefused("cli/core/x.ts", `import { x } from "node:${name}";`, /core imports node:/);
    }
  });

  test("core has no clock, no process, no promise, no timer and no chance", () => {
    for (const text of [
      "const now = Date.now();",
      "const now = new Date();",
      "const home = process.env.HOME;",
      "export async function f() {}",
      "const x: Promise<void> = y;",
      "setTimeout(f, 1);",
      "const n = Math.random();",
      'console.log("x");',
    ]) {
      isRefused("cli/core/x.ts", text, /core uses/);
      assert.deepEqual(problemsOf("cli/io/x.ts", text), [], text);
    }
  });

  test("the words of those things in comments and strings are allowed, and so is a date from an argument", () => {
    const text = '// a Promise of process.env\nconst text = "await Date.now()";\nconst at = new Date(millis);';
    assert.deepEqual(problemsOf("cli/core/x.ts", text), []);
  });
});

describe("files and folders", () => {
  test("a default export is refused", () => {
    isRefused("cli/io/x.ts", "export default 1;", /default export/);
    isRefused("cli/io/x.ts", "export { x as default };", /default export/);
  });

  test("a barrel and a folder for leftovers are refused", () => {
    isRefused("cli/io/index.ts", "", /barrel/);
    for (const folder of ["utils", "helpers", "common", "lib", "types"]) {
      isRefused(`cli/${folder}/x.ts`, "", new RegExp(`folder named ${folder}`));
    }
  });

  test("a folder holds at most 15 files", () => {
    const files = (count: number) => Array.from({ length: count }, (_, i) => ({ path: `cli/io/f${i}.ts`, text: "" }));
    assert.deepEqual(checkFiles(files(15)), []);
    assert.equal(checkFiles(files(16)).length, 1);
  });
});
