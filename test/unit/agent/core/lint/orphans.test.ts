import assert from "node:assert/strict";
import { test } from "node:test";
import { orphanFindings, portFindings } from "../../../../../agent/core/lint/orphans.ts";

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

test("somebody on the port of a program that could not start is warned of, with the way to find out who that is", () => {
  const isTaken = (port: number) => port === 8080;
  const url = "http://127.0.0.1:8080/healthz";
  assert.match(portFindings("shop", url, "FATAL", isTaken)[0]?.text ?? "", /^somebody listens on 127\.0\.0\.1:8080, /);
  assert.match(portFindings("shop", url, "FATAL", isTaken)[0]?.fix ?? "", /sport = :8080'$/);
  assert.deepEqual(portFindings("shop", url, "RUNNING", isTaken), []);
  assert.deepEqual(portFindings("shop", "https://127.0.0.1/", "FATAL", isTaken), []);
  assert.equal(portFindings("shop", "https://127.0.0.1/", "FATAL", (port) => port === 443).length, 1);
  assert.deepEqual(portFindings("shop", undefined, "FATAL", isTaken), []);
  assert.deepEqual(portFindings("shop", url, undefined, isTaken), []);
});
