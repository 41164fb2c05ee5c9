/**
 * A kernel before 5.7 tells what a thread waits in only when no execve(2) of its process is under way, and that may wait for a file
 * system that does not answer. Such a /proc is made of files; what waits is a named pipe without a writer.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:fs";
import { link, mkdir, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import type { LookOrder } from "../../support/drivers/look-driver.ts";
import { eventually } from "../../support/eventually.ts";
import { runOk } from "../../support/processes.ts";

const PID = 4242;
const SOCKET = 77n;
/** accept4(2) on fd 3. */
const ACCEPTS = `${process.arch === "x64" ? 288 : 242} 0x3 0x0 0x0 0x80000 0x0 0x0 0x7ffd00000000 0x7f0000000000\n`;

test("on an old kernel, who looks at a process that is stuck as it executes something goes on with everything else, and sees it accept once it goes on", async (t) => {
  const { root, goOn } = await makeProc(t, "4.18.0-553.el8.x86_64");
  const driver = new URL("../../support/drivers/look-driver.ts", import.meta.url);
  const worker = new Worker(driver, { workerData: { pid: PID, root, listening: SOCKET } satisfies LookOrder });
  const said: string[] = [];
  worker.on("message", (word: string) => said.push(word));
  const ended = once(worker, "exit");
  try {
    await eventually(() => said.filter((word) => word === "alive").length >= 5, { name: "it goes on meanwhile" });
    assert.ok(!said.some((word) => word !== "alive"), `${said}`);
  } finally {
    await goOn();
    await ended;
  }
  assert.equal(said.at(-1), "accepts: yes");
});

/** With this very process's own facts, under another pid. */
async function makeProc(t: TestContext, release: string): Promise<{ root: string; goOn(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "zdr-proc-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const own = join(root, `${PID}`);
  const thread = join(own, "task", `${PID}`);
  for (const folder of [join(own, "fd"), thread, join(root, "sys/kernel")]) await mkdir(folder, { recursive: true });
  await writeFile(join(root, "sys/kernel/osrelease"), `${release}\n`);
  for (const file of ["stat", "status"]) await writeFile(join(own, file), await readFile(`/proc/self/${file}`));
  await symlink(process.execPath, join(own, "exe"));
  await symlink(root, join(own, "cwd"));
  await symlink(`socket:[${SOCKET}]`, join(own, "fd/3"));
  const [asked, pipe, answer] = [join(thread, "syscall"), join(root, "pipe"), join(root, "answer")];
  await runOk(["mkfifo", pipe]);
  await link(pipe, asked);
  /** Whoever reads already is answered, and whoever comes next finds an answer. */
  const goOn = async () => {
    await writeFile(answer, ACCEPTS);
    await rename(answer, asked);
    const reader = await eventually(() => open(pipe, constants.O_WRONLY | constants.O_NONBLOCK), { name: "a reader" });
    await reader.writeFile(ACCEPTS);
    await reader.close();
  };
  return { root, goOn };
}
