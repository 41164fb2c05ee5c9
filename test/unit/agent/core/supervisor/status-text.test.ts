import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { listOf, processInfoOf } from "../../../../../agent/core/supervisor/process-info.ts";
import { namespecOf, renderStatus, renderStatusTrouble } from "../../../../../agent/core/supervisor/status-text.ts";
import { decodeResponse } from "../../../../../agent/core/supervisor/xml-rpc.ts";
import type { AgentFailure } from "../../../../../agent/wire/failure.ts";
import type { ProcessInfo } from "../../../../../agent/wire/program.ts";

/** What supervisorctl 4.2.5 printed, with the very response that it was printed from. */
interface Genuine {
  readonly responses: readonly string[];
  readonly cases: readonly {
    readonly case: string;
    readonly args: readonly string[];
    readonly exit: number;
    readonly stdout: string;
    readonly getAllProcessInfo: number;
  }[];
}

const genuine: Genuine = JSON.parse(
  readFileSync(new URL("../../../../fixtures/supervisorctl-status.json", import.meta.url), "utf8"),
);
const responses = genuine.responses.map((body): ProcessInfo[] => {
  const response = decodeResponse(body);
  assert.ok(response.ok);
  return listOf(response.value).map(processInfoOf);
});

function processInfo(changes: Partial<ProcessInfo>): ProcessInfo {
  return {
    name: "shop",
    group: "shop",
    state: 20,
    statename: "RUNNING",
    description: "pid 7, uptime 0:00:05",
    pid: 7,
    start: 1,
    stop: 0,
    now: 6,
    spawnerr: "",
    exitstatus: 0,
    stdout_logfile: "",
    stderr_logfile: "",
    ...changes,
  };
}

describe("what supervisorctl printed, byte for byte", () => {
  test("all 87 genuine cases are there", () => {
    assert.equal(genuine.cases.length, 87);
  });

  for (const each of genuine.cases) {
    test(each.case, () => {
      const infos = responses[each.getAllProcessInfo];
      assert.ok(infos);
      const [verb, ...names] = each.args;
      assert.equal(verb, "status");
      assert.deepEqual(renderStatus(infos, names), { stdout: each.stdout, exit: each.exit });
    });
  }
});

describe("status text", () => {
  test("no programs print nothing and exit with 0", () => {
    assert.deepEqual(renderStatus([], []), { stdout: "", exit: 0 });
  });

  test("a program in STARTING, BACKOFF or STOPPING does not change the exit code", () => {
    for (const [state, statename] of [
      [10, "STARTING"],
      [30, "BACKOFF"],
      [40, "STOPPING"],
    ] as const) {
      const { stdout, exit } = renderStatus([processInfo({ state, statename, description: "" })], []);
      assert.equal(exit, 0);
      assert.equal(stdout, `shop${" ".repeat(29)}${statename.padEnd(10)}\n`);
    }
  });

  test("a program that is down wins over a name that is unknown", () => {
    assert.equal(renderStatus([processInfo({ state: 0, statename: "STOPPED" })], ["shop", "nosuch"]).exit, 3);
  });

  test("the column is as wide as the longest name that is printed, not the longest that there is", () => {
    const long = processInfo({ name: "x".repeat(50), group: "x".repeat(50) });
    const { stdout } = renderStatus([processInfo({}), long], ["shop"]);
    assert.equal(stdout.indexOf("RUNNING"), 33);
  });

  test("the pid is the fourth field, also after a day", () => {
    const { stdout } = renderStatus([processInfo({ description: "pid 7, uptime 1 day, 0:00:00" })], ["shop"]);
    assert.equal(stdout.split(/\s+/)[3]?.split(",")[0], "7");
  });

  test("U+0085 and U+001F separate names as Python has it, and U+FEFF does not", () => {
    const { stdout } = renderStatus([], ["a\u0085b\u001fc\ufeffd"]);
    assert.equal(stdout, "a: ERROR (no such process)\nb: ERROR (no such process)\nc\ufeffd: ERROR (no such process)\n");
  });

  test("a process is called group:name only where the two differ", () => {
    assert.equal(namespecOf({ group: "shop", name: "shop" }), "shop");
    assert.equal(namespecOf({ group: "web", name: "shop" }), "web:shop");
  });
});

describe("what supervisorctl prints when it cannot ask", () => {
  const url = "unix:///run/s.sock";
  const cases: readonly (readonly [AgentFailure, string, number])[] = [
    [{ reason: "supervisor-not-running", url, code: "ENOENT" }, `${url} no such file\n`, 4],
    [{ reason: "supervisor-not-running", url, code: "ECONNREFUSED" }, `${url} refused connection\n`, 4],
    [{ reason: "supervisor-not-found", searched: [] }, `${url} refused connection\n`, 4],
    [
      { reason: "supervisor-not-permitted", url, user: "deploy" },
      "error: <class 'PermissionError'>, [Errno 13] Permission denied\n",
      1,
    ],
    [
      { reason: "supervisor-unauthorized", url },
      "Server requires authentication\nerror: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>\n",
      1,
    ],
    [
      { reason: "supervisor-shutting-down", url },
      "error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>\n",
      1,
    ],
  ];

  for (const [failure, stdout, exit] of cases) {
    test(`${failure.reason} ${"code" in failure ? failure.code : ""} exits with ${exit}`, () => {
      assert.deepEqual(renderStatusTrouble(url, failure), { stdout, exit });
    });
  }

  test("a supervisord without its RPC interface is explained and exits with 4", () => {
    const failure = {
      reason: "supervisor-fault",
      method: "getAllProcessInfo",
      code: 1,
      text: "UNKNOWN_METHOD",
    } as const;
    const text = renderStatusTrouble(url, failure);
    assert.equal(text?.exit, 4);
    assert.match(text?.stdout ?? "", /^Sorry, supervisord responded .*\n$/);
  });

  test("a supervisord that hangs has no words of supervisorctl's", () => {
    assert.equal(renderStatusTrouble(url, { reason: "supervisor-silent", url, timeoutMs: 1 }), undefined);
  });
});
