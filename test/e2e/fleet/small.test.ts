/** A host as small as they come: dropbear lets us in, and busybox is its shell and all its tools. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type FleetRig, startFleet } from "../../support/fixtures/fleet.ts";
import { buildSample } from "../../support/samples.ts";

let fleet: FleetRig;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  fleet = await startFleet((clean) => void cleanUps.push(clean), { count: 1, system: "small" });
});
after(async () => {
  for (const clean of cleanUps.reverse()) await clean();
});

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await fleet.zdr(args);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return stdout;
}

const answer = () => fleet.host("web1").ask("/version");

describe("a host with dropbear and busybox", { concurrency: 1 }, () => {
  for (const [at, transport] of (["builtin", "openssh"] as const).entries()) {
    test(`is set up, deployed to, reloaded and rolled back over transport: ${transport}`, async () => {
      const { stderr } = await fleet.host("web1").run(["sync", "--help"]);
      assert.match(stderr, /BusyBox/);
      const [first, second] = [`v${at}.1`, `v${at}.2`];
      await fleet.configure({ hosts: [{ name: "web1", transport }] });
      await ok("setup");
      for (const tag of [first, second]) {
        await fleet.configure({ build: { path: await buildSample("go-overseer", { release: tag }) } });
        await ok("deploy", "--tag", tag);
        assert.equal(await answer(), tag);
      }
      await ok("rollback");
      assert.equal(await answer(), first);
      assert.match(await ok("status"), /RUNNING/);
    });
  }
});
