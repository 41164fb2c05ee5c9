/** The program's port is somebody else's: supervisor only says that the program exits too quickly. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startRig } from "../../support/rig.ts";

test("a program that can not start beside somebody else on its port is told of with a way to find out who that is", async (t) => {
  const rig = await startRig(t);
  const { port } = await rig.addSample("go-plain", { start_seconds: 1, watch: 0 }, { timeout: "4s" });
  await rig.useSample("go-plain", { release: "v1" });
  for (const args of [["setup"], ["deploy", "--tag", "one"]]) assert.equal((await rig.zdr(args)).code, 0);
  await rig.supervisord.ctl(["stop", "shop"]);
  const stranger = createServer((_, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => stranger.listen(port, "127.0.0.1", resolve));
  t.after(() => new Promise<void>((resolve) => stranger.close(() => resolve())));
  await rig.supervisord.ctl(["start", "shop"]);
  const hasFailed = async () => /BACKOFF|FATAL/.test((await rig.supervisord.ctl(["status", "shop"])).stdout);
  await eventually(hasFailed, { name: "it has tried to start", timeoutMs: 60_000 });

  await rig.useSample("go-plain", { release: "v2" });
  const { stderr } = await rig.zdr(["deploy", "--tag", "two"]);
  const somebody = `local: shop: somebody listens on 127\\.0\\.0\\.1:${port}, although supervisor says that shop is`;
  assert.match(stderr, new RegExp(`^zdr: warning: ${somebody}`, "m"));
  assert.match(stderr, new RegExp(`sudo ss -ltnp 'sport = :${port}'`));
});
