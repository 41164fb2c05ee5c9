/** Rendered sections as supervisor's own Python reads them: what was meant is what it starts. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { layoutOf } from "../../../agent/core/layout.ts";
import { withSections } from "../../../agent/core/section/file.ts";
import { renderSection, sectionProblems, wantedCommand, wantedEnvironment } from "../../../agent/core/section.ts";
import type { ProgramPlan } from "../../../agent/wire/plan.ts";
import { programPlan } from "../../support/fixtures/plans.ts";
import { runOk } from "../../support/processes.ts";

/** Debian's python3, which is what its supervisor runs on. */
const PYTHON = "/usr/bin/python3";
const SEED = 20_261_120;
const GENERATED = 500;

/** Splits the command as process.py, get_execv_args does. */
const READ = `
import json, shlex, sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(['-n', '-c', sys.argv[1]])
json.dump({p.name: {
    'words': shlex.split(p.command), 'directory': p.directory, 'environment': p.environment, 'uid': p.uid,
    'autostart': p.autostart, 'startsecs': p.startsecs, 'stopwaitsecs': p.stopwaitsecs, 'stopsignal': int(p.stopsignal),
    'stopasgroup': p.stopasgroup, 'killasgroup': p.killasgroup, 'redirect_stderr': p.redirect_stderr,
} for g in options.process_group_configs for p in g.process_configs}, sys.stdout)
`;

interface Read {
  readonly words: string[];
  readonly directory: string;
  readonly environment: Record<string, string>;
  readonly [key: string]: unknown;
}

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "zt-sec-"));
});
after(() => rm(dir, { recursive: true, force: true }));

async function readBack(programs: readonly ProgramPlan[], deployTo: string): Promise<Map<string, Read>> {
  const layout = layoutOf(deployTo);
  const sections = programs.map((program) => renderSection(program, layout, { supervisorIsRoot: true }));
  const path = join(dir, "supervisord.conf");
  await writeFile(path, `[supervisord]\nlogfile=${dir}/log\n${withSections(undefined, sections)}`);
  const read: Record<string, Read> = JSON.parse(await runOk([PYTHON, "-c", READ, path]));
  return new Map(Object.entries(read));
}

describe("a rendered section, read by supervisor", () => {
  test("says what was meant, option by option", async () => {
    const program = programPlan("overseer", { user: "nobody", autostart: false, startSeconds: 3, stopSeconds: 40 });
    const read = await readBack([program], "/data/web/shop");
    assert.deepEqual(read.get("shop"), {
      words: ["/data/web/shop/run/shop/shop", "-addr", ":8080"],
      directory: "/data/web/shop",
      environment: { ZDR_CURRENT: "/data/web/shop/current", GODEBUG: "asyncpreemptoff=1" },
      uid: 65534,
      autostart: false,
      startsecs: 3,
      stopwaitsecs: 40,
      stopsignal: 15,
      stopasgroup: false,
      killasgroup: true,
      redirect_stderr: true,
    });
  });

  test("keeps blanks, percent signs, comment characters, quotes and non-ASCII, in words and in the path", async () => {
    const words = [
      "bin/my shop",
      "",
      "a b",
      "100%",
      "%(here)s %d",
      "x ; y # z",
      ";",
      "#",
      'it\'s "so"',
      "\\ \\n",
      "ü漢🙂",
      "$(id)",
    ];
    const environment = { A: "x, y=z", B: "100% (here)s", C: "it's; a#b", D: "\\d\\", E: "", F: "ü漢🙂" };
    const program = programPlan("restart", { command: words, environment });
    const deployTo = "/data/öffentlich/100% it's; my shop";
    const read = (await readBack([program], deployTo)).get("shop");
    assert.deepEqual(read?.words, [`${deployTo}/current/bin/my shop`, ...words.slice(1)]);
    assert.equal(read.directory, `${deployTo}/current`);
    assert.deepEqual(read.environment, { ZDR_CURRENT: `${deployTo}/current`, ...environment });
  });

  test("is what was meant, whatever words and values are not refused", async () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."ab ;#%'\"\\()heres=,ü漢🙂[]{}$`\u00a0\u2028") }),
      fc.string({ unit: "grapheme" }),
    );
    const pairs = fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,4}$/), text, {
      maxKeys: 3,
      noNullPrototype: true,
    });
    const samples = fc.sample(fc.record({ words: fc.array(text, { maxLength: 4 }), environment: pairs }), {
      numRuns: GENERATED,
      seed: SEED,
    });
    const layout = layoutOf("/data/web/shop");
    const programs = samples
      .map(({ words, environment }, at) =>
        programPlan("restart", { process: `p${at}`, command: ["bin/x", ...words], environment }),
      )
      .filter((program) => sectionProblems(program, layout).length === 0);
    assert.ok(programs.length > GENERATED / 4, `only ${programs.length} samples are not refused`);
    const read = await readBack(programs, layout.deployTo);
    for (const program of programs) {
      assert.deepEqual(read.get(program.process)?.words, wantedCommand(program, layout));
      assert.deepEqual(read.get(program.process)?.environment, wantedEnvironment(program, layout));
    }
  });
});
