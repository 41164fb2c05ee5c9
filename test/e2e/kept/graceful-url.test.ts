/** What can come of the request that asks a program to reload. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerAt, textAt } from "../../support/load/ask.ts";
import { answer, type Behaviour, startBadServer } from "../../support/load/bad-server.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { type Rig, startRig } from "../../support/rig.ts";

const SAMPLE = "go-graceful-url";

/** A program of release v1, and v2 as what is deployed next; `url` is what is asked then. */
async function withUrl(
  t: Parameters<typeof startRig>[0],
  url?: string,
): Promise<{ rig: Rig; own: string; version: () => unknown }> {
  const rig = await startRig(t);
  const reload = { preset: "graceful-url", ...(url === undefined ? {} : { url }) };
  const { url: own } = await rig.addSample(SAMPLE, { watch: 0, start_seconds: 1, reload }, { timeout: "6s" });
  await rig.useSample(SAMPLE, { release: "v1" });
  for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  }
  await rig.useSample(SAMPLE, { release: "v2" });
  return { rig, own, version: () => textAt(`${own}/version`) };
}

const REFUSALS: readonly { readonly what: string; readonly does: Behaviour | "down"; readonly says: RegExp }[] = [
  { what: "is not found", does: (socket) => socket.write(answer("404 Not Found")), says: /: status 404\)/ },
  { what: "fails", does: (socket) => socket.write(answer("500 Oh")), says: /: status 500\)/ },
  {
    what: "redirects",
    does: (socket) => socket.write(answer("302 Found", "", "Location: /\r\n")),
    says: /: status 302\)/,
  },
  { what: "is refused", does: "down", says: /: connect ECONNREFUSED 127\.0\.0\.1:\d+\)/ },
  { what: "hangs", does: () => {}, says: /it started no new process\)/ },
  { what: "is cut", does: (socket) => socket.end(), says: /it started no new process\)/ },
];

for (const { what, does, says } of REFUSALS) {
  test(`where GET /graceful ${what}, the deploy says so, and the old release serves on`, async (t) => {
    const server = await startBadServer(does === "down" ? () => {} : does);
    if (does === "down") await server.down();
    else t.after(() => server.down());
    const { rig, version } = await withUrl(t, server.url);
    const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout;
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
    assert.equal(code, 7, `${stdout}${stderr}`);
    assert.match(stderr, /program "shop" did not take the reload \((GET|asked by GET) http:\/\/127\.0\.0\.1/);
    assert.match(stderr, says);
    assert.match(stderr, /still serves v1|serves v1 again/);
    // Asked once: a second request could start a second successor.
    assert.equal(server.requests(), does === "down" ? 0 : 1);
    assert.equal(await version(), "v1");
    assert.equal((await rig.supervisord.ctl(["pid", "shop"])).stdout, pid);
  });
}

test("a GET that starts the successor and is never answered is no failure", async (t) => {
  let graceful = "";
  const server = await startBadServer(() => void answerAt(graceful).catch(() => {}));
  t.after(() => server.down());
  const { rig, own, version } = await withUrl(t, server.url);
  graceful = `${own}/graceful`;
  const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "v2", "--json"]);
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.equal(reportIn(stdout, stderr).action, "reload");
  assert.equal(await version(), "v2");
});
