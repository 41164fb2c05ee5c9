/** A Go server on LISTEN_FDS under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-listenfds", asks: "shop: start beside the old", crash: "keeps" });
