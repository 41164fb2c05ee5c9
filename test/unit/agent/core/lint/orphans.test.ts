import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressesAwaited,
  hasTriedToStart,
  orphanFindings,
  portFinding,
} from "../../../../../agent/core/lint/orphans.ts";

test("what a killed supervisord left is named by pid, address and release; it is refused where it listens, else warned of", () => {
  assert.deepEqual(orphanFindings("shop", []), []);
  const [serving] = orphanFindings("shop", [
    { pid: 7, release: "v1", listens: [] },
    { pid: 8, release: "v1", listens: ["127.0.0.1:8080"] },
  ]);
  assert.equal(serving?.level, "refuse");
  assert.match(serving?.text ?? "", /^pid 7 runs v1, pid 8 listens on 127\.0\.0\.1:8080 and runs v1, /);
  assert.match(serving?.fix ?? "", /kill 7 8; then zdr restart shop$/);
  const [silent] = orphanFindings("shop", [{ pid: 7, release: undefined, listens: [] }]);
  assert.equal(silent?.level, "warn");
  assert.match(silent?.text ?? "", /^pid 7 lives, /);
});

test("somebody on the port of a program that is down is warned of, by pid and command, or with the way to find out who that is", () => {
  const at = { host: "127.0.0.1", port: 8080 };
  const hidden = portFinding("shop", at, "FATAL", {});
  assert.match(hidden.text, /^somebody listens on 127\.0\.0\.1:8080, although supervisor says that shop is FATAL$/);
  assert.match(hidden.fix, /sport = :8080'/);
  const seen = portFinding("shop", at, undefined, { pid: 7, command: "nginx: master" });
  assert.match(seen.text, /^pid 7 \(nginx: master\) listens on .*although supervisor does not know shop yet$/);
  assert.match(seen.fix, /ps -fp 7; unless that stands in front of shop/);
  assert.deepEqual(["FATAL", "RUNNING", undefined].map(hasTriedToStart), [true, false, false]);
});

test("a program is to answer where its health check asks and where it listens, each port once", () => {
  const listen = [{ host: "0.0.0.0", port: 8080 }, { host: "::1", port: 9090 }, { path: "/run/x.sock" }];
  assert.deepEqual(
    addressesAwaited("http://127.0.0.1:8080/healthz", listen).map(({ port }) => port),
    [8080, 9090],
  );
  assert.deepEqual(addressesAwaited("https://127.0.0.1/", []), [{ host: "127.0.0.1", port: 443 }]);
  assert.deepEqual(addressesAwaited(undefined), []);
});
