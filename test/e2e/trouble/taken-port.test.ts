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
  const stranger = createServer((_, response) => response.writeHead(404).end());
  const listen = () => new Promise<void>((resolve) => stranger.listen(port, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => stranger.close(() => resolve()));
  t.after(close);
  const itself = `pid ${process.pid} \\(\\S*node\\) listens on 127\\.0\\.0\\.1:${port}, although supervisor`;
  await listen();
  const early = await rig.zdr(["doctor"]);
  assert.match(early.stdout, new RegExp(`warn  shop .*${itself} does not know shop yet$`, "m"));
  await close();
  for (const args of [["setup"], ["deploy", "--tag", "one"]]) assert.equal((await rig.zdr(args)).code, 0);
  await rig.supervisord.ctl(["stop", "shop"]);
  await listen();
  await rig.supervisord.ctl(["start", "shop"]);
  const hasFailed = async () => /BACKOFF|FATAL/.test((await rig.supervisord.ctl(["status", "shop"])).stdout);
  await eventually(hasFailed, { name: "it has tried to start", timeoutMs: 60_000 });

  await rig.useSample("go-plain", { release: "v2" });
  const { stderr } = await rig.zdr(["deploy", "--tag", "two"]);
  assert.match(stderr, new RegExp(`^zdr: warning: local: shop: ${itself} says that shop is (BACKOFF|FATAL);`, "m"));
  assert.match(stderr, new RegExp(`fix: .*ps -fp ${process.pid}`));
});
