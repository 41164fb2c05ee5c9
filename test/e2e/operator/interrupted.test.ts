/** Ctrl-C in verbs that change nothing: there is nothing to wait for. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startRig } from "../../support/rig.ts";

test("Ctrl-C in a verb that only reads waits neither for an answer nor for the agent's end", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("gunicorn");
  const [node, begun, ended] = ["slow-node", "begun", "ended"].map((name) => join(rig.dir, name)) as [
    string,
    string,
    string,
  ];
  // An agent that answers nothing, and takes its time when it is told to end (less than what zdr waits for one, 2 s).
  await writeFile(node, `#!/bin/sh\n: > ${begun}\ncat > ${join(rig.dir, "heard")}\nsleep 1.8\n: > ${ended}\n`);
  await chmod(node, 0o755);
  await rig.configure({ node });
  for (const verb of ["status", "releases", "history", "report"]) {
    const zdr = rig.startZdr([verb]);
    await eventually(() => existsSync(begun), { name: `${verb}: its agent is asked` });
    zdr.kill("SIGINT");
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(existsSync(ended), false, `${verb} has waited`);
    assert.deepEqual([verb, code, stdout], [verb, 130, ""], stderr);
    assert.match(stderr, /^zdr: error: interrupted by SIGINT$/m);
    await eventually(() => existsSync(ended), { name: `${verb}: its agent has ended` });
    await Promise.all([begun, ended].map((path) => rm(path)));
  }
});
