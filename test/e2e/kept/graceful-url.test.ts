/** A Go server that is reloaded by GET /graceful under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-graceful-url", asks: "shop: GET http", crash: "keeps" });
