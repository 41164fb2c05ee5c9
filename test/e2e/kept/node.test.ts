/** A Node server on LISTEN_FDS under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "node-listenfds", asks: "shop: start beside the old", crash: "keeps" });
