/**
 * Servers that reload themselves and are packages of their own. What a bad release costs is the product's: those that end
 * the old workers first have nothing to fall back to.
 */
import type { StorySample } from "./catalog.ts";

const HOSTED = { flaws: ["crash", "late-crash", "hang"], requestsPerSecond: 150, requests: 1_500 } as const;

export const PRODUCTS = {
  uwsgi: {
    ...{ sample: "uwsgi", asks: "shop: signal HUP", ...HOSTED, check: "/usr/bin/python3 -c 'import app'" },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
  unicorn: {
    ...{ sample: "unicorn", asks: "shop: signal HUP", ...HOSTED, check: "/usr/bin/ruby -r ./app.rb -e 0" },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
  puma: {
    ...{ sample: "puma", asks: "shop: signal USR1", ...HOSTED, check: "/usr/bin/ruby -r ./app.rb -e 0" },
    mayLose: { "late-crash": "gap" },
  },
  "server-starter": {
    ...{ sample: "server-starter", asks: "shop: signal HUP", ...HOSTED, check: "/usr/bin/perl -c app.psgi" },
    mayLose: { hang: "gap", "late-crash": "gap" },
  },
  // Under a stand-in for einhorn: test/fixtures/einhorn.
  einhorn: { sample: "go-einhorn", asks: "shop: signal HUP", mayLose: { "late-crash": "gap" } },
} as const satisfies Record<string, StorySample>;
