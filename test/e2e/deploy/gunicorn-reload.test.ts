/** gunicorn takes one release after the other while clients send requests. */
import { testReloads } from "../../support/load/reload-contract.ts";

testReloads({ sample: "gunicorn", asks: "shop: signal HUP", twin: { sample: "gunicorn" } });
