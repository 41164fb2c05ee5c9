/** A Go server on overseer that looks for its new binary by itself takes one release after the other while clients send requests. */
import { testReloads } from "../../support/load/reload-contract.ts";

testReloads({ sample: "go-overseer-watch", asks: "shop: wait until it notices" });
