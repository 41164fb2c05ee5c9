/** What a `check` in deploy.yml is worth to servers that could not go back by themselves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresOf } from "../../support/load/deploy-series.ts";
import { startLoad } from "../../support/load/load.ts";
import { ask } from "../../support/load/supervised.ts";
import type { StorySample } from "../../support/story/catalog.ts";
import { startStoryHost } from "../../support/story/host.ts";
import { PRODUCTS } from "../../support/story/products.ts";

for (const entry of Object.values(PRODUCTS) as StorySample[]) {
  const { sample, check } = entry;
  if (check === undefined) continue;
  test(`${sample}: a release that can not be loaded is refused before the flip, and nothing is lost`, async (t) => {
    const host = await startStoryHost(t, entry);
    const keys = { program: { check } };
    const first = await host.deploy("v1", { release: "v1" }, keys);
    assert.equal(first.code, 0, first.stderr);
    const load = await startLoad({
      ...{ url: `${host.url}/version`, keepAliveConnections: 2 },
      ...{ freshPerSecond: 50, ratePerSecond: 50 },
    });
    const { code, stderr } = await host
      .deploy("v2", { release: "v2", variant: "crash" }, keys)
      .finally(() => load.more(20));
    const seen = await load.stop();
    assert.equal(code, 5, stderr);
    assert.match(stderr, /config\/app\.toml/);
    assert.deepEqual(failuresOf(seen), []);
    assert.equal((await ask(`${host.url}/version`)).release, "v1");
  });
}
