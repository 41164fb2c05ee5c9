/** A Go server on overseer takes one release after the other while clients send requests. */
import { testReloads } from "../../support/load/reload-contract.ts";

testReloads({ sample: "go-overseer", asks: "shop: signal USR2", twin: { sample: "go-plain" } });
