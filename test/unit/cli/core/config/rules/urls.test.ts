import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  checkHealthUrl,
  checkSupervisorUrl,
  hostOfUrl,
  isLoopbackUrl,
} from "../../../../../../cli/core/config/rules/urls.ts";

describe("a health check's URL", () => {
  test("is http, of one address", () => {
    for (const url of [
      "http://127.0.0.1:8080/healthz",
      "http://localhost/",
      "http://[::1]:80/a?b=c",
      "http://10.0.0.2",
      "http://web1:80",
    ]) {
      assert.deepEqual(checkHealthUrl(url), { ok: url });
    }
    for (const url of [
      ...[
        "",
        "/healthz",
        "127.0.0.1:8080",
        "https://127.0.0.1/",
        "http:127.0.0.1",
        "http:/127.0.0.1/",
        "http://",
        "ftp://x/",
      ],
      ...[
        "http://u:p@127.0.0.1/",
        "http://127.0.0.1/#x",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "http://x\\y/",
      ],
      ...["http://0.0.0.0:8080/", "http://[::]:8080/", "http://127.0.0.1/\n", "unix:///x.sock"],
    ]) {
      assert.ok("problem" in checkHealthUrl(url), url);
    }
  });

  test("loopback is told from other machines", () => {
    for (const url of [
      "http://127.0.0.1/",
      "http://127.1/",
      "http://127.9.9.9:80/",
      "http://localhost:80/",
      "http://LOCALHOST/",
      "http://[::1]/",
    ]) {
      assert.ok(isLoopbackUrl(url), url);
    }
    for (const url of [
      "http://10.0.0.2/",
      "http://localhost.example/",
      "http://127.0.0.1.example/",
      "http://[fe80::1]/",
      "",
    ]) {
      assert.ok(!isLoopbackUrl(url), url);
    }
    assert.equal(hostOfUrl("http://[fd00::1]:80/"), "fd00::1");
  });
});

describe("supervisor's URL", () => {
  test("is what supervisorctl takes", () => {
    for (const url of [
      "unix:///run/supervisor.sock",
      "http://127.0.0.1:9001",
      "http://localhost",
      "http://[::1]:9001",
    ]) {
      assert.deepEqual(checkSupervisorUrl(url), { ok: url });
    }
    assert.deepEqual(checkSupervisorUrl("http://localhost:9001/"), { ok: "http://localhost:9001" });
    for (const url of [
      ...["", "unix://run/x.sock", "unix:/run/x", "https://localhost:9001", "tcp://x", "localhost:9001"],
      ...["http://u:p@localhost:9001", "http://localhost/RPC2", "http://localhost:9001/?x", "unix:///a\nb"],
    ]) {
      assert.ok("problem" in checkSupervisorUrl(url), url);
    }
    assert.deepEqual(checkSupervisorUrl("/run/supervisor.sock"), {
      problem: "is a path, not a URL",
      suggestion: 'did you mean "unix:///run/supervisor.sock"?',
    });
  });
});
