import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkListen } from "../../../../../../cli/core/config/rules/listen.ts";

describe("where a keeper listens", () => {
  test("an address and a port, or the path of a socket", () => {
    for (const [text, ok] of [
      ["127.0.0.1:8080", { host: "127.0.0.1", port: 8080 }],
      ["0.0.0.0:1", { host: "0.0.0.0", port: 1 }],
      ["[::]:80", { host: "::", port: 80 }],
      ["[fe80::1:2]:65535", { host: "fe80::1:2", port: 65_535 }],
      ["unix:/run/shop.sock", { path: "/run/shop.sock" }],
    ] as const) {
      assert.deepEqual(checkListen(text), { ok });
    }
  });

  test("a socket's path may have a mode beside it, in octal", () => {
    const path = "/run/shop.sock";
    assert.deepEqual(checkListen({ unix: path }), { ok: { path } });
    assert.deepEqual(checkListen({ unix: path, mode: "0666" }), { ok: { path, mode: 0o666 } });
    assert.deepEqual(checkListen({ unix: path, mode: "600" }), { ok: { path, mode: 0o600 } });
    for (const mode of ["0888", "1777", "rw", "66"]) {
      assert.deepEqual(checkListen({ unix: path, mode }), { problem: "is no mode such as 0660 or 0666", at: ["mode"] });
    }
    assert.deepEqual(checkListen({ unix: "run.sock" }), {
      problem: "names no absolute path of a socket",
      at: ["unix"],
    });
  });

  test("what the kernel would not take, or would look up, is refused", () => {
    for (const [text, problem] of [
      ["8080", /is no address such as/],
      [":8080", /is no address such as/],
      ["::1:80", /is no address such as/],
      ["", /is no address such as/],
      ["localhost:80", /names localhost, which is no address in numbers/],
      ["256.0.0.1:80", /names 256\.0\.0\.1, which is no address/],
      ["1.2.3:80", /names 1\.2\.3, which is no address/],
      ["[::1::2]:80", /names ::1::2, which is no address/],
      ["127.0.0.1:0", /names port 0/],
      ["127.0.0.1:65536", /names port 65536/],
      ["unix:run/shop.sock", /names no absolute path/],
      ["unix:/run/", /names no absolute path/],
      [`unix:/${"x".repeat(107)}`, /more than 107 bytes/],
    ] as const) {
      const checked = checkListen(text);
      assert.ok("problem" in checked, text);
      assert.match(checked.problem, problem);
    }
    assert.ok("ok" in checkListen(`unix:/${"x".repeat(106)}`));
  });
});
