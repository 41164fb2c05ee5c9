import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigSyntaxError } from "../../../../../agent/core/supervisor/config-lines.ts";
import {
  parseServerUrl,
  type ServerPlace,
  SOCKET_PATH_LIMIT_BYTES,
} from "../../../../../agent/core/supervisor/server-url.ts";

const homes = new Map([
  ["", "/home/me"],
  ["web", "/srv/web/"],
  ["root", "/"],
]);
const place = (url: string): ServerPlace => parseServerUrl(url, { cwd: "/srv/dir", homeOf: (user) => homes.get(user) });

describe("a serverurl", () => {
  test("of a socket has its path made absolute, as supervisorctl prints it", () => {
    for (const [url, path] of [
      ["unix:///run/s.sock", "/run/s.sock"],
      ["unix:///run//a/../s.sock/", "/run/s.sock"],
      ["unix://s.sock", "/srv/dir/s.sock"],
      ["unix://../s.sock", "/srv/s.sock"],
      ["unix://~/s.sock", "/home/me/s.sock"],
      ["unix://~web/s.sock", "/srv/web/s.sock"],
      ["unix://~root", "/"],
      ["unix://~nobody/s.sock", "/srv/dir/~nobody/s.sock"],
      ["unix:////run/s.sock", "//run/s.sock"],
      ["unix://", "/srv/dir"],
    ] as const) {
      assert.deepEqual(place(url), { kind: "unix", url: `unix://${path}`, path });
    }
  });

  test("of a host has port 80 unless it says otherwise, and its path and user are ignored", () => {
    for (const [url, host, port] of [
      ["http://localhost:9001", "localhost", 9001],
      ["http://Web1", "web1", 80],
      ["http://127.0.0.1:9001/RPC9/", "127.0.0.1", 9001],
      ["http://[::1]:9001", "::1", 9001],
      ["http://web1:?x", "web1", 80],
    ] as const) {
      assert.deepEqual(place(url), { kind: "http", url, host, port });
    }
  });

  test("does not give a password that stands in it away", () => {
    assert.deepEqual(place("http://u:hidden@web1:9001"), {
      kind: "http",
      url: "http://web1:9001",
      host: "web1",
      port: 9001,
    });
    assert.throws(
      () => place("https://u:hidden@web1"),
      (error: Error) => !error.message.includes("hidden"),
    );
  });

  test("of any other kind is refused", () => {
    for (const url of [
      "https://web1",
      "tcp://web1:1",
      "UNIX:///s",
      "/run/s.sock",
      '"unix:///s"',
      "",
      "http://",
      "http://a:x",
      "http://a:70000",
    ]) {
      assert.throws(() => place(url), ConfigSyntaxError, url);
    }
  });

  test("of a socket whose path the kernel could not hold is refused, counted in bytes", () => {
    assert.equal(place(`unix:///${"s".repeat(SOCKET_PATH_LIMIT_BYTES - 1)}`).kind, "unix");
    assert.throws(() => place(`unix:///${"s".repeat(SOCKET_PATH_LIMIT_BYTES)}`), ConfigSyntaxError);
    assert.throws(() => place(`unix:///${"é".repeat(SOCKET_PATH_LIMIT_BYTES / 2)}x`), ConfigSyntaxError);
  });
});
