/** Which processes serve, of a server whose workers are busy in the moment of a look. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { viewServing } from "../../../agent/activation/program-view.ts";
import { acceptingPids } from "../../../agent/activation/ready.ts";
import { startChild } from "../../support/child.ts";
import { eventually } from "../../support/eventually.ts";
import { hostContext } from "../../support/fixtures/host-context.ts";
import { programPlan, projectPlan } from "../../support/fixtures/plans.ts";

/** Is busy until it gets USR1, then waits for a connection. */
const SERVER = `
import signal, socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
signal.signal(signal.SIGUSR1, lambda *_: listener.accept())
print("listens", flush=True)
time.sleep(1000)
`;

interface Subject {
  after(clean: () => Promise<void>): void;
}

async function startBusy(t: Subject) {
  const folder = await mkdtemp(join(tmpdir(), "zdr-serving-"));
  t.after(() => rm(folder, { recursive: true }));
  const child = await startChild(["python3", "-c", SERVER], { cwd: folder, detached: true });
  t.after(child.end);
  const program = programPlan("puma");
  const project = projectPlan(folder, [program], { supervisor: { url: "unix:///no/such/socket" } });
  return { child, program, context: hostContext(project) };
}

test("a server that was busy in the first look is looked at again, until it is seen to serve", async (t) => {
  const { child, program, context } = await startBusy(t);
  let pauses = 0;
  const sleep = async () => {
    if (++pauses === 1) process.kill(child.pid, "SIGUSR1");
    await eventually(async () => acceptingPids(await viewServing(patient, program, child.pid)).length > 0, {
      name: "it waits for a connection",
    });
  };
  const patient = { ...context, sleep: context.sleep };
  const found = await viewServing({ ...context, sleep }, program, child.pid);
  assert.deepEqual(acceptingPids(found), [child.pid]);
  assert.equal(pauses, 1);
});

test("a server that hangs is not looked at for ever", async (t) => {
  const { child, program, context } = await startBusy(t);
  const found = await viewServing({ ...context, sleep: async () => {} }, program, child.pid);
  assert.deepEqual(acceptingPids(found), []);
  assert.equal(found.find(({ pid }) => pid === child.pid)?.holds, true);
});
