/** A Go server on tabalt/gracehttp under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-gracehttp", asks: "shop: signal USR2", crash: "gap" });
