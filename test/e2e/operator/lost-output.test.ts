/** Output that can not be written: whoever redirects it into a file learns that it is not all there. */
import assert from "node:assert/strict";
import { readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type RunResult, run } from "../../support/processes.ts";
import { DIST, type Rig, startRig } from "../../support/rig.ts";

const LOST = "zdr: error: stdout could not be written, so some of the output is lost: ";

describe("output that can not be written", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 }, { timeout: "3s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  /** zdr as a shell runs it: `"$0" "$@"` in this line. */
  const shell = (args: readonly string[], line: string): Promise<RunResult> =>
    run(["/bin/sh", "-c", line, process.execPath, join(DIST, "zdr.cjs"), ...args], { cwd: rig.project, env: rig.env });
  const onFullDisk = (...args: string[]) => shell(args, 'exec "$0" "$@" > /dev/full');

  test("a deploy does its work on the hosts to the end, and exits with 2", async () => {
    await rig.useSample("gunicorn", { release: "v1" });
    const { code, stderr } = await onFullDisk("deploy", "--tag", "v1");
    assert.equal(code, 2, stderr);
    assert.equal(stderr.split(LOST).length, 2, stderr);
    assert.equal(await readlink(join(rig.deployTo, "current")), "releases/v1");
    const { code: asked, stdout } = await rig.zdr(["history"]);
    assert.equal(asked, 0);
    assert.match(stdout, /deploy\s+v1\b.*\bkept\b/);
  });

  test("a deploy that failed keeps its own code", async () => {
    await rig.useSample("gunicorn", { release: "v2", variant: "unhealthy" });
    const { code, stderr } = await onFullDisk("deploy", "--tag", "v2");
    assert.equal(code, 7, stderr);
    assert.equal(stderr.split(LOST).length, 2, stderr);
  });

  test("what only tells something says so in one line and exits with 2, --help too", async () => {
    const verbs = ["status", "releases", "history", "history --json", "schema", "--help", "deploy --help", "--version"];
    for (const verb of verbs) {
      const { code, stderr } = await onFullDisk(...verb.split(" "));
      assert.deepEqual([verb, code, stderr], [verb, 2, `${LOST}ENOSPC\n`]);
    }
  });

  test("a plan that is lost does not pass for one that was read", async () => {
    await rig.useSample("gunicorn", { release: "v3" });
    const { code, stderr } = await onFullDisk("plan", "--tag", "v3");
    assert.equal(code, 2, stderr);
  });

  test("a file that takes a part of it is told like one that takes nothing", async () => {
    const file = join(rig.dir, "schema.json");
    const { code, stderr } = await shell(["schema"], `ulimit -f 8; exec "$0" "$@" > ${file}`);
    assert.deepEqual([code, stderr], [2, `${LOST}EFBIG\n`]);
    assert.ok((await stat(file)).size > 0);
    const whole = (await rig.zdr(["schema"])).stdout;
    assert.ok(whole.startsWith(await readFile(file, "utf8")));
  });

  test("a file that takes it all has all of it, behind what stood there", async () => {
    const file = join(rig.dir, "twice.json");
    const { code, stderr } = await shell(["schema"], `"$0" "$@" > ${file} && exec "$0" "$@" >> ${file}`);
    assert.deepEqual([code, stderr], [0, ""]);
    const whole = (await rig.zdr(["schema"])).stdout;
    assert.equal(await readFile(file, "utf8"), whole + whole);
  });

  test("a reader that has read enough (| head) is no trouble", async () => {
    for (const verb of ["schema", "history", "--help"]) {
      const running = rig.startZdr([verb]);
      running.stopReading();
      const { code, stderr } = await running.done;
      assert.deepEqual([verb, code, stderr], [verb, 0, ""]);
    }
  });
});
