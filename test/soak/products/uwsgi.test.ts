/** uWSGI by HUP. It ends its old workers before it loads the new release, so that a bad one leaves a gap. */
import { testProduct } from "../../support/load/product-contract.ts";

testProduct({
  sample: "uwsgi",
  asks: "shop: signal HUP",
  lost: { crash: "some", hang: "some", "late-crash": "some" },
  check: "/usr/bin/python3 -c 'import app'",
});
