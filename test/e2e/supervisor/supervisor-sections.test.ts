/** The sections of a supervisord.conf and of what it includes, as supervisord would find them at its next reread. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AgentError } from "../../../agent/core/failure.ts";
import { readProgramSections, readSupervisorConfig } from "../../../agent/io/supervisor/sections.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import { runOk } from "../../support/processes.ts";

const PYTHON = "/usr/bin/python3";
/** What RawConfigParser.read would be handed for each pattern, less what it passes over. */
const ORACLE = `
import glob, json, os, sys
json.dump([sorted(filter(os.path.isfile, glob.glob(each))) for each in json.load(sys.stdin)], sys.stdout)
`;

async function writeTree(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
}

function failureOf(call: () => unknown): AgentFailure {
  try {
    call();
  } catch (error) {
    if (error instanceof AgentError) return error.failure;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("supervisor's sections are read from every file that it includes", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp("/tmp/zdr-sections-");
  });
  after(() => rm(dir, { recursive: true }));

  test("in supervisor's order, each with %(here)s of its own file and the defaults of all", async () => {
    await writeTree(join(dir, "a"), {
      "main.conf":
        "[program:main]\ncommand=%(here)s/m\n[include]\nfiles = conf.d/*.conf\n  ../b/x.ini\n[supervisord]\n",
      "conf.d/b.conf": "[program:b.c]\ncommand=%(here)s/b ; x\n",
      "conf.d/B.conf": "[group:g]\nprograms=b.c\n[DEFAULT]\nuser=web\n[program:main]\ncommand=again\n",
      "conf.d/.hidden.conf": "[program:hidden]\n",
      "conf.d/folder.conf/x.conf": "[program:deep]\n",
    });
    await writeTree(join(dir, "b"), { "x.ini": "[fcgi-program:f]\nsocket=%(here)s/f\n[include]\nfiles=y.ini\n" });
    await symlink("nowhere", join(dir, "a/conf.d/dangling.conf"));
    const found = readProgramSections(join(dir, "a/main.conf"));
    assert.equal(found.mainPath, join(dir, "a/main.conf"));
    assert.deepEqual(found.includePatterns, [`${dir}/a/conf.d/*.conf`, `${dir}/a/../b/x.ini`]);
    assert.deepEqual(found.unreadable, []);
    assert.deepEqual(
      found.sections.map(({ file, name, values }) => [file.slice(dir.length), name, Object.fromEntries(values)]),
      [
        ["/a/main.conf", "program:main", { user: "web", command: `${dir}/a/m` }],
        ["/a/conf.d/B.conf", "group:g", { user: "web", programs: "b.c" }],
        ["/a/conf.d/B.conf", "program:main", { user: "web", command: "again" }],
        ["/a/conf.d/b.conf", "program:b.c", { user: "web", command: `${dir}/a/conf.d/b` }],
        ["/b/x.ini", "fcgi-program:f", { user: "web", socket: `${dir}/b/f` }],
      ],
    );
  });

  test("by the patterns that Python's glob knows", async () => {
    const names = [
      "a.conf",
      "B.conf",
      "ab.conf",
      ".x.conf",
      "é.conf",
      "[a].conf",
      "🚀.conf",
      "\ufb01.conf",
      "x/a.conf",
      "y/a.conf",
      ".z/a.conf",
      "x/.b.conf",
      "x/y/a.conf",
    ];
    const tree = Object.fromEntries(names.map((name) => [name, "[program:p]\n"]));
    await writeTree(join(dir, "globs"), tree);
    const parts = [
      "*",
      "*.conf",
      "?.conf",
      "[ab].conf",
      "[!a]*",
      "[[]a].conf",
      "[a]*",
      ".*",
      "**/*.conf",
      "*/a.conf",
      "**",
      "x/*",
      "*/",
      "./x/../*.conf",
      "x//a.conf",
      "nosuch*",
      "a.conf",
      "*/.b.conf",
      "/",
      "*/*/*",
    ];
    const patterns = parts.map((part) => join(dir, "globs", "/").concat(part));
    const expected: string[][] = JSON.parse(await runOk([PYTHON, "-c", ORACLE], { input: JSON.stringify(patterns) }));
    for (const [index, pattern] of patterns.entries()) {
      await writeFile(join(dir, "globs.conf"), `[include]\nfiles=${pattern}\n`);
      const { sections } = readSupervisorConfig(join(dir, "globs.conf"));
      const files = sections.filter(({ name }) => name === "program:p").map(({ file }) => file);
      assert.deepEqual(
        files,
        expected[index]?.map((path) => join(path)),
        pattern,
      );
    }
  });

  test("or the files that this user cannot read are named, as far as they are only included", async () => {
    await writeTree(join(dir, "rights"), {
      "main.conf": "[include]\nfiles=*.ini secret/*.ini\n",
      "a.ini": "[program:a]\n",
      "b.ini": "[program:b]\n",
      "secret/c.ini": "[program:c]\n",
    });
    await chmod(join(dir, "rights/b.ini"), 0);
    await chmod(join(dir, "rights/secret"), 0);
    await chmod(dir, 0o755);
    const found = asUnprivileged(() => readProgramSections(join(dir, "rights/main.conf")));
    await chmod(join(dir, "rights/secret"), 0o700);
    assert.deepEqual(
      found.sections.map(({ name }) => name),
      ["program:a"],
    );
    assert.deepEqual([...found.unreadable].sort(), [`${dir}/rights/b.ini`, `${dir}/rights/secret/`]);
    await chmod(join(dir, "rights/main.conf"), 0);
    const failure = failureOf(() => asUnprivileged(() => readProgramSections(join(dir, "rights/main.conf"))));
    assert.equal(failure.reason, "not-permitted");
  });

  test("and a file that supervisor would choke on is named with what is wrong in it", async () => {
    await writeTree(join(dir, "bad"), {
      "main.conf": "[include]\nfiles=%(ENV_D)s\n",
      "bom.ini": "\ufeff[program:a]\n",
      "word.ini": "[program:a]\n\nword\n",
    });
    await writeFile(join(dir, "bad/latin1.ini"), Buffer.from("[program:a]\nx=\xe9\n", "latin1"));
    const read = (pattern?: string) =>
      failureOf(() => readSupervisorConfig(join(dir, "bad/main.conf"), pattern === undefined ? {} : { D: pattern }));
    for (const [pattern, path, detail] of [
      ["bom.ini", "bom.ini", /line 1/],
      ["word.ini", "word.ini", /line 3/],
      ["latin1.ini", "latin1.ini", /UTF-8/],
      [undefined, "main.conf", /ENV_D/],
    ] as const) {
      const failure = read(pattern);
      assert.ok(failure.reason === "supervisor-config");
      assert.equal(failure.path, join(dir, "bad", path));
      assert.match(failure.detail, detail);
    }
  });
});

/** Root reads every file, so it steps down for the call. */
function asUnprivileged<Result>(call: () => Result): Result {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined || geteuid() !== 0) return call();
  seteuid(65_534);
  try {
    return call();
  } finally {
    seteuid(0);
  }
}
