/** supervisord hangs as it is told to signal the program, for longer than that has to be ready, and goes on. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { startRig } from "../../support/rig.ts";

const READY_MS = 3_000;
const HUNG_MS = READY_MS + 1_000;

/** Stops supervisord itself, once, between what it is asked and what it does. */
const plugin = (wanted: string) => `
import os, signal
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface as Main

asked = Main.signalProcess

def signalProcess(self, name, signal_):
    if os.path.exists("${wanted}"):
        os.remove("${wanted}")
        os.kill(os.getpid(), signal.SIGSTOP)
    return asked(self, name, signal_)

signalProcess.__doc__ = asked.__doc__
Main.signalProcess = signalProcess

def make(supervisord, **config):
    return object()
`;

test("a supervisord that hangs behind the flip takes nothing of the time that the program has", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "hung-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const wanted = join(folder, "wanted");
  await writeFile(join(folder, "hung.py"), plugin(wanted));
  const rig = await startRig(t, {
    supervisord: {
      env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" },
      settings: "\n[rpcinterface:hung]\nsupervisor.rpcinterface_factory = hung:make",
    },
  });
  const { url } = await rig.addSample("gunicorn", { watch: 0 }, { timeout: `${READY_MS}ms` });
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  await rig.useSample("gunicorn", { release: "v1" });
  await ok("setup");
  await ok("deploy", "--tag", "v1");

  // Once it has been told, it must not be ready before anybody looks.
  await rig.useSample("gunicorn", { release: "v2", variant: "slow-start" });
  await writeFile(wanted, "");
  const zdr = rig.startZdr(["deploy", "--tag", "v2"]);
  const { pid } = rig.supervisord;
  const isStopped = async () => / \(supervisord?\) T /.test(await readFile(`/proc/${pid}/stat`, "utf8"));
  await eventually(isStopped, { name: "supervisord hangs", timeoutMs: 60_000 });
  const since = performance.now();
  await eventually(() => performance.now() - since > HUNG_MS, { name: "for long enough" });
  process.kill(pid, "SIGCONT");

  const { code, stdout, stderr } = await zdr.done;
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.ok(!existsSync(wanted));
  assert.equal(await textAt(`${url}/version`), "v2");
});
