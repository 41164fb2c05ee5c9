import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSetup } from "../../../../../cli/core/report/describe-setup.ts";

test("setup says what was done, what was found, and last what an administrator must put where, ready to paste", () => {
  const finding = { rule: "startsecs", level: "warn" as const, text: "startsecs=1 is short", fix: "set startsecs=2" };
  assert.equal(
    describeSetup("web-1", {
      done: ["made /data/shop/releases"],
      administrator: [
        {
          why: "user deploy may not write /etc/supervisor/conf.d",
          commands: ["sudo supervisorctl reread", "sudo supervisorctl add shop"],
          file: { path: "/etc/supervisor/conf.d/shop.conf", content: "[program:shop]\n\tcommand=x\x1b\n" },
        },
      ],
      findings: [{ program: "shop", finding }],
    }),
    "web-1: made /data/shop/releases\n" +
      "web-1: shop: warn: startsecs=1 is short; fix: set startsecs=2\n" +
      "\n" +
      "web-1: for an administrator: user deploy may not write /etc/supervisor/conf.d\n" +
      "\n" +
      "# /etc/supervisor/conf.d/shop.conf\n" +
      "[program:shop]\n" +
      "\tcommand=x\\x1b\n" +
      "\n" +
      "sudo supervisorctl reread\n" +
      "sudo supervisorctl add shop\n",
  );
});

test("setup with nothing left for an administrator does not mention one", () => {
  assert.equal(describeSetup("a", { done: ["all in order"], administrator: [], findings: [] }), "a: all in order\n");
});
