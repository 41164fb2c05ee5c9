/** `zdr status` beside the real supervisorctl, on the same supervisord: one of them can take the other's place in scripts. */
import assert from "node:assert/strict";
import { mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { StatusResult } from "../../agent/wire/program.ts";
import { eventually } from "../support/eventually.ts";
import { resultIn } from "../support/load/deploy-series.ts";
import { type RunResult, run } from "../support/processes.ts";
import { type Rig, startRig } from "../support/rig.ts";

const ZDR = fileURLToPath(new URL("../../dist/zdr.cjs", import.meta.url));

/** Every state that stays as it is, a group, and names that make the columns wide. */
const PROGRAMS = `[program:shop]
command=sleep 100000
[program:idle]
command=sleep 100000
autostart=false
[program:done]
command=true
autorestart=false
startsecs=0
[program:broken]
command=/no/such/program
startretries=0
[program:workers]
command=sleep 100000
numprocs=2
process_name=%(program_name)s_%(process_num)d
[program:a_name_that_is_longer_than_the_column_is_wide]
command=sleep 100000
[program:caf\u00e9]
command=sleep 100000
`;

/** Arguments of `status`, and its exit code. */
const CASES: readonly (readonly [args: readonly string[], exit: number])[] = [
  [[], 3],
  [["shop"], 0],
  [["idle"], 3],
  [["shop", "nosuch"], 4],
  [["nosuch", "done", "broken"], 3],
  [["workers:*", "workers:workers_1", "caf\u00e9"], 0],
  [["workers", "nosuch:*", "nosuch:"], 4],
  [["a_name_that_is_longer_than_the_column_is_wide", "shop", "shop"], 0],
  [["shop idle", ""], 3],
  [["nosuch", "all"], 3],
];

/** An uptime goes on between two commands; its seconds are all that may differ. */
const masked = (text: string) => text.replace(/(uptime \d+:\d\d):\d\d$/gm, "$1:SS");

describe("zdr status and supervisorctl status", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig(
      { after: (clean) => cleaning.push(clean) },
      { via: "ssh", supervisord: { programs: PROGRAMS } },
    );
    await rig.addSample("node-plain");
    await eventually(
      async () => {
        const { stdout } = await rig.supervisord.ctl(["status"]);
        return stdout.includes("EXITED") && stdout.includes("FATAL") && !stdout.includes("STARTING");
      },
      { name: "all programs have come to rest" },
    );
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  /** What both say, the uptimes' seconds apart. */
  const bothSay = async (ctl: Promise<RunResult>, zdr: Promise<RunResult>) => {
    const [theirs, ours] = await Promise.all([ctl, zdr]);
    assert.deepEqual(
      { code: ours.code, stdout: masked(ours.stdout) },
      { code: theirs.code, stdout: masked(theirs.stdout) },
    );
    return ours;
  };
  const local = (args: readonly string[]) =>
    rig.zdr(["status", "--local", "--config", rig.supervisord.configPath, "--", ...args], { cwd: "/" });

  for (const [args, exit] of CASES) {
    test(`both print the same, byte for byte, and exit with ${exit}: status ${JSON.stringify(args)}`, async () => {
      const { code, stderr } = await bothSay(rig.supervisord.ctl(["status", ...args]), local(args));
      assert.deepEqual({ code, stderr }, { code: exit, stderr: "" });
    });
  }

  test("through SSH it is the same text and the same exit code", async () => {
    for (const args of [[], ["shop"], ["nosuch", "workers:*"]]) {
      const { stderr } = await bothSay(rig.supervisord.ctl(["status", ...args]), rig.zdr(["status", ...args]));
      assert.equal(stderr, "");
    }
  });

  test("--local finds supervisord as supervisorctl does, from the folder that it is called in", async () => {
    const cwd = dirname(rig.supervisord.configPath);
    await bothSay(run(["supervisorctl", "status"], { cwd }), rig.zdr(["status", "--local"], { cwd }));
    const above = { cwd: dirname(cwd) };
    await bothSay(
      run(["supervisorctl", "-c", "sv/supervisord.conf", "status", "idle"], above),
      rig.zdr(["status", "--local", "--config", "sv/supervisord.conf", "idle"], above),
    );
  });

  test("the pipelines that scripts have around supervisorctl work with both", async () => {
    const bin = join(rig.dir, "bin");
    await mkdir(bin);
    await symlink(ZDR, join(bin, "zdr"));
    await symlink(process.execPath, join(bin, "node"));
    const sh = (script: string) =>
      run(["sh", "-c", script], { cwd: rig.project, env: { ...rig.env, PATH: `${bin}:${process.env.PATH}` } });
    const ctl = `supervisorctl -c ${rig.supervisord.configPath}`;
    const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout;
    for (const tool of [ctl, "zdr"]) {
      const found = await sh(`${tool} status shop | awk '{print $4}' | awk -F, '{print $1}'`);
      assert.deepEqual({ tool, code: found.code, stdout: found.stdout }, { tool, code: 0, stdout: pid });
      assert.equal((await sh(`${tool} status shop | grep RUNNING`)).code, 0, tool);
      assert.equal((await sh(`${tool} status idle | grep RUNNING`)).code, 1, tool);
    }
  });

  test("--json has the text, the exit code and what supervisor knows of each process", async () => {
    const ctl = await rig.supervisord.ctl(["status", "shop", "idle"]);
    for (const args of [["--local", "--config", rig.supervisord.configPath], []]) {
      const { code, stdout } = await rig.zdr(["status", ...args, "shop", "idle", "--json"]);
      const { exit, data } = resultIn(stdout);
      const status = data as StatusResult;
      assert.deepEqual([code, exit, status.exit], [3, 3, 3]);
      assert.equal(masked(status.stdout), masked(ctl.stdout));
      const shop = status.processes.find(({ name }) => name === "shop");
      assert.deepEqual(
        [shop?.statename, `${shop?.pid}\n`],
        ["RUNNING", (await rig.supervisord.ctl(["pid", "shop"])).stdout],
      );
    }
  });

  test("where nobody listens any more, and where the socket is gone, both say so and exit with 4", async () => {
    await rig.supervisord.stop();
    const refused = await bothSay(rig.supervisord.ctl(["status"]), local([]));
    assert.match(refused.stdout, /^unix:\/\/.* refused connection\n$/);
    await rm(rig.supervisord.socket);
    const missing = await bothSay(rig.supervisord.ctl(["status", "shop"]), local(["shop"]));
    assert.match(missing.stdout, /^unix:\/\/.* no such file\n$/);
    assert.equal(missing.code, 4);
    await bothSay(rig.supervisord.ctl(["status", "shop"]), rig.zdr(["status", "shop"]));
  });
});
