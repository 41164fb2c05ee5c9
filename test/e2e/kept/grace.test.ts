/** A Go server on facebookgo/grace under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-grace", asks: "shop: signal USR2", crash: "keeps" });
