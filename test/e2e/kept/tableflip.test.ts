/** A Go server on cloudflare/tableflip under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-tableflip", asks: "shop: signal HUP", crash: "keeps" });
