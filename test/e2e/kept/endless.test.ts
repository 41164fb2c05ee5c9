/** A Go server on fvbock/endless under the keeper. */
import { testKept } from "../../support/load/kept-contract.ts";

testKept({ sample: "go-endless", asks: "shop: signal HUP", crash: "keeps", isDeafAfterCrash: true });
