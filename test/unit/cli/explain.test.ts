import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AgentFailure, AgentFailureReason } from "../../../agent/wire/failure.ts";
import type { ActivationReport } from "../../../agent/wire/report.ts";
import { EXIT, type ExitCode } from "../../../cli/core/exit-code.ts";
import type { Phase } from "../../../cli/explain/exit.ts";
import { explain, explainActivation, explainAll, explainBug, explainLoss } from "../../../cli/explain.ts";
import type { Failure, LinkFailure } from "../../../cli/failure.ts";

/** One of each: a new reason does not compile without a row here. */
const AGENT: { [Reason in AgentFailureReason]: Extract<AgentFailure, { reason: Reason }> } = {
  "bad-request": { reason: "bad-request", detail: "no verb" },
  unsupported: { reason: "unsupported", verb: "dance" },
  internal: { reason: "internal", detail: "TypeError: x" },
  interrupted: { reason: "interrupted" },
  "layout-missing": { reason: "layout-missing", path: "/data/shop/releases" },
  "not-a-folder": { reason: "not-a-folder", path: "/data/shop" },
  "current-not-a-link": { reason: "current-not-a-link", path: "/data/shop/current" },
  "current-outside": { reason: "current-outside", path: "/data/shop/current", target: "/srv/old" },
  "current-missing": { reason: "current-missing", path: "/data/shop/current", running: "shop", runs: "v1.1" },
  "foreign-owner": { reason: "foreign-owner", path: "/data/shop", ownerUid: 0, uid: 1001 },
  "unsafe-mode": { reason: "unsafe-mode", path: "/data/shop", mode: 0o40777 },
  "not-permitted": { reason: "not-permitted", path: "/data/shop", operation: "mkdir", user: "deploy" },
  io: { reason: "io", path: "/data/shop/x", operation: "open", code: "EIO" },
  "no-space": { reason: "no-space", path: "/data/shop", needBytes: 34_000_000, freeBytes: 1_200_000 },
  "no-inodes": { reason: "no-inodes", path: "/data/shop", need: 12_000, free: 7 },
  locked: {
    reason: "locked",
    by: { user: "ann", host: "laptop", run: "https://ci/1" },
    why: "deploy v1.2",
    since: "2026-11-20T10:39:12Z",
    pid: 4711,
    path: "/data/shop/.zdr/lock.7",
  },
  frozen: {
    ...{ reason: "frozen", by: { user: "ann", host: "laptop" }, why: "freeze until Monday" },
    ...{ since: "2026-11-20T10:39:12.000Z", until: "2026-11-30T07:00:00.000Z" },
  },
  "ledger-damaged": { reason: "ledger-damaged", path: "/data/shop/.zdr/ledger.ndjson", line: 7 },
  "release-differs": { reason: "release-differs", tag: "v1.2", stagedDigest: "a".repeat(64), digest: "b".repeat(64) },
  "release-missing": { reason: "release-missing", tag: "v0.9" },
  "release-damaged": { reason: "release-damaged", tag: "v1.2", path: "bin/shop" },
  "nothing-deployed": { reason: "nothing-deployed" },
  "no-good-release": { reason: "no-good-release", current: "v1.1" },
  "unsafe-path": { reason: "unsafe-path", path: "../x", problem: "it leaves the build" },
  "file-corrupt": { reason: "file-corrupt", path: "bin/shop" },
  "upload-cut": { reason: "upload-cut", detail: "12 of 34 bytes" },
  "shared-conflict": { reason: "shared-conflict", path: "logs" },
  "shared-missing": { reason: "shared-missing", path: "/data/shop/shared/.env" },
  "supervisor-not-found": { reason: "supervisor-not-found", searched: ["/etc/supervisord.conf", "./supervisord.conf"] },
  "supervisor-config": { reason: "supervisor-config", path: "/etc/supervisord.conf", detail: "no [supervisorctl]" },
  "supervisor-not-running": { reason: "supervisor-not-running", url: "unix:///run/s.sock", code: "ENOENT" },
  "supervisor-not-permitted": { reason: "supervisor-not-permitted", url: "unix:///run/s.sock", user: "deploy" },
  "supervisor-unauthorized": { reason: "supervisor-unauthorized", url: "http://127.0.0.1:9001" },
  "supervisor-silent": { reason: "supervisor-silent", url: "unix:///run/s.sock", timeoutMs: 10_000 },
  "supervisor-shutting-down": { reason: "supervisor-shutting-down", url: "unix:///run/s.sock" },
  "supervisor-answer": { reason: "supervisor-answer", url: "http://127.0.0.1:80", detail: "HTTP 404" },
  "supervisor-fault": { reason: "supervisor-fault", method: "supervisor.startProcess", code: 50, text: "SPAWN_ERROR" },
  "program-unknown": { reason: "program-unknown", program: "shop", process: "web:shop" },
  "program-state-unknown": { reason: "program-state-unknown", program: "shop", pid: 4711 },
  "program-refused": {
    reason: "program-refused",
    program: "shop",
    findings: [
      { rule: "names-release", level: "refuse", text: "command= names releases/v1", fix: "name current/bin/shop" },
      { rule: "startsecs", level: "warn", text: "startsecs=1 is short", fix: "set startsecs=2" },
    ],
  },
  "signal-unsafe": { reason: "signal-unsafe", program: "shop", pid: 4711, uid: 33, supervisorUid: 1001 },
  preflight: { reason: "preflight", program: "shop", path: "bin/shop", problem: "wrong-machine", detail: "aarch64" },
  "disk-silent": { reason: "disk-silent", path: "/data/web/.zdr/incoming/4f", timeoutMs: 1_800_000 },
  "user-silent": { reason: "user-silent", user: "shop", timeoutMs: 5_000 },
  "proof-unavailable": { reason: "proof-unavailable", program: "shop", pid: 4711, uid: 33 },
  "hook-failed": { reason: "hook-failed", when: "before_activate", command: "bin/migrate up", detail: "exit 1" },
  "start-failed": { reason: "start-failed", program: "shop", state: "FATAL", detail: "exited too quickly" },
  crashed: { reason: "crashed", program: "shop", state: "BACKOFF", detail: "exit status 3" },
  "not-reloaded": { reason: "not-reloaded", program: "shop", detail: "GET http://127.0.0.1/graceful: status 404" },
  "not-ready": { reason: "not-ready", program: "shop", timeoutMs: 30_000, detail: "nothing listens on 8080" },
  unhealthy: {
    reason: "unhealthy",
    program: "shop",
    timeoutMs: 30_000,
    lastProbe: "connect ECONNREFUSED 127.0.0.1:8080",
  },
  "wrong-release": { reason: "wrong-release", program: "shop", pid: 4711, runs: "v1.1", want: "v1.2" },
  "stop-timeout": { reason: "stop-timeout", program: "shop", pid: 4711, timeoutMs: 10_000 },
};

const LINK: { [Kind in LinkFailure["kind"]]: Extract<LinkFailure, { kind: Kind }> } = {
  unreachable: { kind: "unreachable", address: "deploy@web1:2222", detail: "ECONNREFUSED" },
  "connect-timeout": { kind: "connect-timeout", address: "deploy@web1:22", timeoutMs: 20_000 },
  handshake: { kind: "handshake", address: "deploy@web1:22", detail: "no matching cipher" },
  "host-key-unknown": {
    kind: "host-key-unknown",
    address: "deploy@web1:2222",
    keyType: "ssh-ed25519",
    fingerprint: "SHA256:shown",
    searched: ["/home/me/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
    knownHostsLine: "[web1]:2222 ssh-ed25519 AAAA",
  },
  "host-key-changed": {
    kind: "host-key-changed",
    address: "deploy@web1:2222",
    keyType: "ssh-ed25519",
    fingerprint: "SHA256:shown",
    expected: [
      {
        fingerprint: "SHA256:known",
        keyType: "ssh-ed25519",
        place: "/home/me/.ssh/known_hosts:3",
        file: "/home/me/.ssh/known_hosts",
      },
      { fingerprint: "SHA256:pinned", keyType: "ssh-rsa", place: "deploy.yml:9:7" },
    ],
    knownName: "[web1]:2222",
    knownHostsLine: "[web1]:2222 ssh-ed25519 AAAA",
  },
  "host-key-revoked": {
    kind: "host-key-revoked",
    address: "deploy@web1:22",
    fingerprint: "SHA256:shown",
    place: "/etc/ssh/ssh_known_hosts:1",
  },
  "host-key-authority": { kind: "host-key-authority", address: "deploy@web1:22", place: "/etc/ssh/ssh_known_hosts:1" },
  "known-hosts-unreadable": { kind: "known-hosts-unreadable", path: "/home/me/.ssh/known_hosts", code: "EACCES" },
  auth: {
    kind: "auth",
    address: "web1:22",
    user: "deploy",
    attempts: [{ what: "agent key SHA256:x", outcome: "refused" }],
  },
  "key-file": { kind: "key-file", path: "/home/me/.ssh/my key", detail: "wrong passphrase" },
  "ssh-config": { kind: "ssh-config", detail: "ssh -G web1: /home/me/.ssh/config: line 3: Bad configuration option" },
  jump: { kind: "jump", address: "deploy@web1:22", through: "ops@bastion:22", detail: "Connection refused" },
  openssh: { kind: "openssh", address: "deploy@web1", code: 255, detail: "Permission denied (publickey)" },
  "link-lost": { kind: "link-lost", during: "upload", detail: "ECONNRESET" },
  "link-silent": { kind: "link-silent", during: "survey", silentMs: 30_000 },
  "node-missing": { kind: "node-missing", searched: ["/usr/bin/node", "/usr/local/bin/node"] },
  "node-too-old": { kind: "node-too-old", node: "/usr/bin/node", version: "v16.20.2" },
  "agent-start": { kind: "agent-start", detail: "exit code 1", noise: "welcome!" },
  "agent-reply": { kind: "agent-reply", detail: "no JSON" },
};

const LOCAL: { [Kind in Exclude<Failure["kind"], "link" | "agent">]: Extract<Failure, { kind: Kind }> } = {
  usage: { kind: "usage", problem: "deploy needs a tag", hint: "zdr deploy --tag v1.2" },
  config: {
    kind: "config",
    problems: [
      {
        place: { file: "deploy.yml", line: 12, column: 3 },
        path: "programs.shop.relaod",
        problem: "unknown key",
        suggestion: 'did you mean "reload"?',
      },
      { path: "", problem: "is empty" },
    ],
  },
  build: { kind: "build", problem: "does not exist", path: "dist/" },
  "build-held": {
    kind: "build-held",
    path: "/home/me/shop/dist",
    holder: { pid: 4711, why: "deploy v1", since: "2026-11-20T12:00:00.000Z" },
    waitedMs: 900_000,
  },
  "build-command": { kind: "build-command", command: "make dist", code: 2, signal: null },
  command: { kind: "command", host: "web-1", command: "bin/migrate", code: 3, signal: null },
  hook: { kind: "hook", when: "before_activate", command: "bin/migrate up", detail: "exit 1" },
  "host-changed": { kind: "host-changed", host: "web-1", plan: "00000000-11111111-22222222", tag: "v2" },
  "plan-changed": { kind: "plan-changed", plan: "00000000-11111111-22222222", tag: "v2", changed: ["build", "hosts"] },
  "no-common-release": {
    kind: "no-common-release",
    hosts: [
      { host: "web-1", tag: "v1" },
      { host: "web-2", tag: undefined },
    ],
  },
  interrupted: { kind: "interrupted", signal: "SIGINT" },
};

const agent = (failure: AgentFailure, host = "web-1"): Failure => ({ kind: "agent", host, failure });
const link = (failure: LinkFailure, host = "web-1"): Failure => ({ kind: "link", host, link: failure });
const ALL: Failure[] = [
  ...Object.values(AGENT).map((failure) => agent(failure)),
  ...Object.values(LINK).map((failure) => link(failure)),
  ...Object.values(LOCAL),
];
const nameOf = (failure: Failure) =>
  failure.kind === "agent" ? failure.failure.reason : failure.kind === "link" ? failure.link.kind : failure.kind;

describe("every failure", () => {
  for (const failure of ALL) {
    test(`${nameOf(failure)} says what failed and where, in lower case and without a final period`, () => {
      const { error, hints } = explain(failure);
      assert.ok(error.length > 0);
      for (const line of [...error, ...hints]) {
        assert.doesNotMatch(line, /undefined|\[object|NaN|null|\n/);
        assert.doesNotMatch(line, /\.$/);
        assert.notEqual(line.trim(), "");
      }
      for (const line of error) assert.match(line, /^[^A-Z]/);
      if (failure.kind === "agent" || failure.kind === "link") assert.match(error[0] ?? "", /^web-1: /);
    });

    // Of a wrong config, the line and column are what to do.
    if (failure.kind === "config") continue;
    test(`${nameOf(failure)} says what to do`, () => assert.notDeepEqual(explain(failure).hints, []));
  }

  test("a quota is not told as a full disk, and what to look at is there, also where the file is not", () => {
    const path = "/data/shop/.zdr/lock.0.77-c0ffee";
    const none = { reason: "no-space", path, needBytes: 0, freeBytes: 0 } as const;
    assert.match(text(agent(none)), /no space is left/);
    assert.equal(explain(agent(none)).hints[0], "on the host: df -h /data/shop/.zdr");
    const quota = explain(agent({ ...none, isQuota: true }));
    assert.match(quota.error.join(), /a quota is used up/);
    assert.match(quota.hints.join(), /quota -s/);
    assert.doesNotMatch(quota.hints.join(), /df -h/);
  });

  test("a server that opens no session is not told as a login shell that is in the way", () => {
    const start = LINK["agent-start"];
    assert.match(explain(link(start)).hints.join(), /login shell/);
    const { error, hints } = explain(link({ ...start, isNoSession: true }));
    assert.doesNotMatch([...error, ...hints].join(), /shell/);
    assert.match(hints.join(), /MaxSessions/);
  });

  test("an agent that has ended is told as that, and not as a connection that was lost", () => {
    const lost = explain(link(LINK["link-lost"]));
    assert.match(`${lost.error} ${lost.hints}`, /connection was lost.*the agent finishes or undoes by itself/);
    const { error, hints } = explain(link({ ...LINK["link-lost"], detail: "exit SIGKILL", isAgentsEnd: true }));
    assert.deepEqual(error, ["web-1: the agent ended during upload: exit SIGKILL"]);
    assert.doesNotMatch(hints.join(), /by itself/);
    assert.match(hints.join(), /the next zdr deploy or zdr reload there finishes or undoes/);
  });

  test("what the system's ssh can not do is tried by hand the same way, and where there is none that is said", () => {
    const hint = (more: object) => explain(link({ ...LINK.openssh, ...more })).hints[0];
    assert.equal(hint({}), "try: ssh deploy@web1 true");
    const args = ["-o", "StrictHostKeyChecking=yes", "-p", "2222", "-i", "/my key", "--", "web1", "true"];
    assert.equal(hint({ args }), "try: ssh -o StrictHostKeyChecking=yes -p 2222 -i '/my key' -- web1 true");
    assert.match(hint({ args, code: 127 }) ?? "", /openssh-client/);
  });

  test("a way that is not open is tried where it ends", () => {
    const [hop] = explain(link(LINK.jump)).hints;
    assert.equal(hop, "ops@bastion:22 has to reach it; try there: ssh deploy@web1 true");
    const [byHand] = explain(link({ ...LINK.jump, through: "ProxyCommand nc web1 22", command: "nc web1 22" })).hints;
    assert.match(byHand ?? "", /try it by hand: nc web1 22$/);
  });

  test("where no release is good on all hosts, what each would go back to is told", () => {
    const hosts = [
      { host: "web1", tag: "v4" },
      { host: "web2", tag: "v4" },
      { host: "web3", tag: "v7" },
      { host: "web4", tag: undefined },
    ];
    const { error, hints, exit } = explain({ kind: "no-common-release", hosts });
    assert.match(error.join(), /would go back: web1, web2 to v4; web3 to v7; web4 to nothing$/);
    assert.match(hints.join(), /zdr rollback --host web1 web2;/);
    assert.equal(exit, 5);
  });

  test("what is to be typed on the same hosts has the flags that chose them and the config", () => {
    const given = { config: "ops.yml", environment: "staging", host: ["web*"], except: ["web9"] };
    const changed = { plan: "00000000-11111111-22222222", tag: "v2", given } as const;
    const plan = ["see what it would do now: zdr plan --tag v2 -c ops.yml -e staging --host 'web*' --except web9"];
    assert.deepEqual(explain({ kind: "plan-changed", changed: ["build"], ...changed }).hints, plan);
    assert.deepEqual(explain({ kind: "host-changed", host: "web1", ...changed }).hints, plan);
    const hosts = [
      { host: "web1", tag: "v4" },
      { host: "web2", tag: "v7" },
    ];
    assert.deepEqual(explain({ kind: "no-common-release", hosts, given }).hints, [
      "a part of them at a time: zdr rollback -c ops.yml -e staging --host web1 --except web9; " +
        "or have one release on all: zdr deploy --tag TAG -c ops.yml -e staging --host 'web*' --except web9",
    ]);
  });

  test("where to look at what differs of a release is told from deploy_to, also for a file that was removed", () => {
    const [hint] = explain(agent(AGENT["release-damaged"])).hints;
    assert.equal(hint, "on the host, in deploy_to: ls -la releases/v1.2/bin");
  });

  test("a process that goes on as before has not heard the reload, and its section may be in order", () => {
    const { error, hints } = explain(agent({ ...AGENT["wrong-release"], wasThere: true }));
    assert.deepEqual(error, ['web-1: program "shop" (pid 4711) was told to take v1.2, and goes on as before (v1.1)']);
    assert.match(hints.join("\n"), /^see whether it has heard that.*zdr logs shop/);
    assert.match(explain(agent(AGENT["wrong-release"])).hints.join(), /its section must start it through current/);
  });

  test("where nobody answered, it is told where the program listens, and which key names the other address", () => {
    const failure = { ...AGENT.unhealthy, listens: ["127.0.0.1:28082"] };
    assert.match(text(agent(failure)), /ECONNREFUSED 127\.0\.0\.1:8080\); it listens on 127\.0\.0\.1:28082/);
    assert.match(explain(agent(failure)).hints[0] ?? "", /programs\.shop\.health\.http in deploy\.yml/);
  });

  test("each number is shown, and with its unit", () => {
    assert.match(text(agent(AGENT["no-space"])), /needs 34\.0 MB but has 1\.20 MB free/);
    const full = { reason: "no-inodes", path: "/data/shop", need: 1, free: 0 } as const;
    assert.match(text(agent(full)), /can hold no more files/);
    assert.match(text(agent(AGENT.unhealthy)), /within 30 s \(last probe: connect ECONNREFUSED 127\.0\.0\.1:8080\)/);
    const started = { ...AGENT.unhealthy, timeoutMs: 32_000, startMs: 2_000 };
    assert.match(text(agent(started)), /within 32 s, which is start_seconds 2 s and then health\.timeout 30 s \(last/);
    assert.match(text(agent(AGENT["unsafe-mode"])), /mode 0777, so others .* can change/);
    const readable = { reason: "unsafe-mode", path: "/data/shop/.zdr", mode: 0o755 } as const;
    assert.match(text(agent(readable)), /mode 0755, so others .* can look into it/);
    assert.deepEqual(explain(agent(readable)).hints, ["on the host: chmod go= /data/shop/.zdr"]);
    assert.match(text(link(LINK["link-silent"])), /for 30 s/);
  });

  test("each problem that a pre-flight can find has its own words", () => {
    const problems = ["missing", "not-a-file", "not-readable", "not-executable", "empty", "wrong-machine"] as const;
    const rest = ["bad-format", "no-interpreter", "bad-script", "bad-config", "check-failed"] as const;
    const texts = [...problems, ...rest].map((problem) => text(agent({ ...AGENT.preflight, problem })));
    assert.equal(new Set(texts).size, texts.length);
    for (const shown of texts) assert.doesNotMatch(shown, /undefined/);
  });
});

test("a tag that is taken by a folder of somebody else's is said to be", () => {
  const failure = { reason: "release-differs", tag: "v9", stagedDigest: "", digest: "b".repeat(64) } as const;
  const { error } = explain({ kind: "agent", host: "web1", failure });
  assert.match(error.join(), /there what zdr has not put there, this build b{12}\)/);
});

describe("a release that serves, but cost requests", () => {
  const count = (sent: number, failed: number) => ({ sent, failed, reconnects: 0, slowestMs: 1 });
  const report = (failed: number): ActivationReport => ({
    ...{ outcome: "kept", tag: "v2", flipToDoneMs: 1, log: [], warnings: [] },
    programs: [
      {
        ...{ name: "shop", process: "shop", action: "reload", draining: 0, proof: "processes", evidence: [] },
        ...{ before: { pid: 1, state: "RUNNING" }, after: { pid: 1, state: "RUNNING" } },
        meter: {
          ...{ baseline: count(12, 0), during: count(620, failed) },
          reasons: failed === 0 ? [] : [{ error: "read ECONNRESET", count: failed }],
        },
      },
    ],
  });

  test("says how many failed of how many, how many before the flip, and how", () => {
    const { error, exit, hints } = explainLoss("web-1", report(7)) ?? {};
    assert.deepEqual(error, [
      "web-1: shop: 7 of 620 requests failed while it was reloaded (before the flip: 0 of 12): 7 x read ECONNRESET",
    ]);
    assert.equal(exit, 9);
    assert.match(hints?.join() ?? "", /docs\/strategies\.md/);
  });

  test("where none failed there is nothing to say", () => {
    assert.equal(explainLoss("web-1", report(0)), undefined);
  });
});

describe("host keys", () => {
  test("a changed key shows both fingerprints, where each came from, and what puts it in the place of the old one in that very file", () => {
    const { error, hints } = explain(link(LINK["host-key-changed"]));
    for (const part of [
      "SHA256:shown",
      "SHA256:known (/home/me/.ssh/known_hosts:3)",
      "SHA256:pinned (deploy.yml:9:7)",
    ]) {
      assert.ok(error[0]?.includes(part), `${part} in ${error[0]}`);
    }
    assert.ok(hints.some((hint) => hint.endsWith(": ssh-keygen -R '[web1]:2222' -f /home/me/.ssh/known_hosts")));
    assert.ok(
      hints.some((hint) => hint.endsWith(": echo '[web1]:2222 ssh-ed25519 AAAA' >> /home/me/.ssh/known_hosts")),
    );
  });

  test("a key other than the pinned one is to be pinned instead, whatever known_hosts files hold", () => {
    const changed = LINK["host-key-changed"];
    const { hints } = explain(link({ ...changed, listedAs: "front", expected: changed.expected.slice(1) }));
    assert.ok(hints.some((hint) => hint.endsWith('at host front: host_key: "SHA256:shown"')));
    assert.ok(!hints.some((hint) => hint.includes("ssh-keygen -R") || hint.includes(">>")));
  });

  test("an unknown key shows its fingerprint, the files that were searched, and the line and the pin that would trust it", () => {
    const { error, hints } = explain(link(LINK["host-key-unknown"]));
    assert.match(error[0] ?? "", /SHA256:shown.*\/home\/me\/\.ssh\/known_hosts and \/etc\/ssh\/ssh_known_hosts/);
    assert.ok(hints.some((hint) => hint.includes("echo '[web1]:2222 ssh-ed25519 AAAA' >> ~/.ssh/known_hosts")));
    assert.ok(hints.some((hint) => hint.endsWith('at the jump host web1:2222: host_key: "SHA256:shown"')));
  });

  test("where no known_hosts file of the user's is there, as in CI, the line is one for a home that has none", () => {
    for (const searched of [[], ["/etc/ssh/ssh_known_hosts"]]) {
      const { hints } = explain(link({ ...LINK["host-key-unknown"], searched }));
      const line = "mkdir -pm 700 ~/.ssh && echo '[web1]:2222 ssh-ed25519 AAAA' >> ~/.ssh/known_hosts";
      assert.ok(hints.includes(`if it is the same, trust it: ${line}`), hints.join("\n"));
      assert.ok(hints.some((hint) => hint.endsWith("for CI: zdr trust")));
    }
  });

  test("a key that a pattern trusts is excepted there by hand: ssh-keygen would forget it for all hosts that it names", () => {
    const changed = LINK["host-key-changed"];
    const [first] = changed.expected;
    assert.ok(first);
    const other = { ...first, place: "/home/me/.ssh/known_hosts:9" };
    const { hints } = explain(link({ ...changed, expected: [{ ...first, isPattern: true }, other] }));
    assert.ok(
      hints.some((hint) => /known_hosts:3 names it by a pattern.*: ,!\[web1\]:2222 behind the names$/.test(hint)),
    );
    assert.ok(hints.some((hint) => hint.endsWith("take out /home/me/.ssh/known_hosts:9")));
    assert.ok(!hints.some((hint) => hint.includes("ssh-keygen -R")));
  });

  test("a pin belongs to the host as deploy.yml lists it", () => {
    const { hints } = explain(link({ ...LINK["host-key-unknown"], listedAs: "front" }));
    assert.ok(hints.some((hint) => hint.endsWith('at host front: host_key: "SHA256:shown"')));
  });

  test("a login shell that waits is told as that, and not as an agent that may have done something", () => {
    const { error, hints } = explain(link({ ...LINK["link-silent"], isBeforeAgent: true }));
    assert.match(error[0] ?? "", /while the agent was to start/);
    assert.match(hints.join(), /^start-up files of the login shell/);
  });

  test("a hint for another port can be typed as it stands", () => {
    assert.deepEqual(explain(link(LINK.unreachable)).hints, ["try: ssh -p 2222 deploy@web1 true"]);
    const overIpv6 = { ...LINK.unreachable, address: "deploy@[::1]:22" };
    assert.deepEqual(explain(link(overIpv6)).hints, ["try: ssh deploy@::1 true"]);
  });
});

describe("problems in the config", () => {
  test("each one has file, line, column, key, reason and suggestion on a line of its own", () => {
    const { error, exit } = explain(LOCAL.config);
    assert.deepEqual(error, [
      'deploy.yml:12:3: programs.shop.relaod: unknown key (did you mean "reload"?)',
      "is empty",
    ]);
    assert.equal(exit, EXIT.usage);
  });
});

describe("several hosts", () => {
  test("hosts that failed alike share a line, and lines of one reason stand together", () => {
    const { error, exit } = explainAll([
      { failure: agent(AGENT["layout-missing"], "web-1"), phase: "plan" },
      { failure: agent(AGENT["no-space"], "web-2"), phase: "plan" },
      { failure: link(LINK.unreachable, "web-3"), phase: "plan" },
      { failure: agent({ ...AGENT["no-space"], freeBytes: 5 }, "web-4"), phase: "plan" },
      { failure: agent(AGENT["layout-missing"], "web-5"), phase: "plan" },
    ]);
    assert.deepEqual(
      error.map((line) => line.slice(0, line.indexOf(": "))),
      ["web-1, web-5", "web-2", "web-4", "web-3"],
    );
    assert.equal(exit, EXIT.refused);
  });

  test("a hint that helps several hosts is given once", () => {
    const { hints } = explainAll([
      { failure: agent(AGENT["layout-missing"], "web-1"), phase: "plan" },
      { failure: agent({ ...AGENT["layout-missing"], path: "/other" }, "web-2"), phase: "plan" },
    ]);
    assert.deepEqual(hints, ["zdr setup makes it"]);
  });
});

describe("the exit code", () => {
  const cases: [string, Failure, Record<Phase, ExitCode>][] = [
    ["a full disk", agent(AGENT["no-space"]), { plan: 5, stage: 6, activate: 5, halfway: 8, settle: 0 }],
    ["a corrupt file", agent(AGENT["file-corrupt"]), { plan: 5, stage: 6, activate: 5, halfway: 8, settle: 0 }],
    ["a held lock", agent(AGENT.locked), { plan: 3, stage: 3, activate: 3, halfway: 8, settle: 0 }],
    ["a freeze", agent(AGENT.frozen), { plan: 3, stage: 3, activate: 3, halfway: 8, settle: 0 }],
    ["a bug of the agent", agent(AGENT.internal), { plan: 70, stage: 70, activate: 70, halfway: 70, settle: 70 }],
    [
      "a release that cannot be executed",
      agent(AGENT.preflight),
      { plan: 5, stage: 6, activate: 5, halfway: 8, settle: 0 },
    ],
    [
      "a program that did not start",
      agent(AGENT["start-failed"]),
      { plan: 5, stage: 6, activate: 8, halfway: 8, settle: 0 },
    ],
    ["a lost link", link(LINK["link-lost"]), { plan: 4, stage: 6, activate: 8, halfway: 8, settle: 0 }],
    ["an unknown host key", link(LINK["host-key-unknown"]), { plan: 4, stage: 6, activate: 8, halfway: 8, settle: 0 }],
    ["a wrong deploy.yml", LOCAL.config, { plan: 2, stage: 2, activate: 2, halfway: 2, settle: 2 }],
    ["Ctrl-C", LOCAL.interrupted, { plan: 130, stage: 130, activate: 130, halfway: 130, settle: 130 }],
  ];
  for (const [name, failure, exits] of cases) {
    test(`${name} exits by the phase in which it came`, () => {
      const phases: Phase[] = ["plan", "stage", "activate", "halfway", "settle"];
      assert.deepEqual(
        phases.map((phase) => explain(failure, phase).exit),
        phases.map((phase) => exits[phase]),
      );
    });
  }

  test("SIGTERM exits with 143", () => {
    assert.equal(explain({ kind: "interrupted", signal: "SIGTERM" }).exit, 143);
  });
});

describe("an activation", () => {
  const report: ActivationReport = {
    outcome: "reverted",
    tag: "v1.2",
    previous: "v1.1",
    programs: [],
    failure: AGENT.unhealthy,
    log: [{ program: "shop", line: 'panic: missing key "dsn"' }],
    flipToDoneMs: 30_100,
    warnings: [],
  };

  test("that was reverted exits with 7 and shows the program's own last lines", () => {
    const explained = explainActivation("web-2", report);
    assert.equal(explained?.exit, 7);
    assert.match(explained?.error[0] ?? "", /^web-2: program "shop" was not healthy within 30 s/);
    assert.deepEqual(explained?.log, ['web-2: shop: panic: missing key "dsn"']);
  });

  test("that is stuck exits with 8 and says why the old release could not be put back", () => {
    const explained = explainActivation("web-2", { ...report, outcome: "stuck", revertFailure: AGENT["start-failed"] });
    assert.equal(explained?.exit, 8);
    assert.match(
      explained?.error[1] ?? "",
      /^web-2: putting the old release back failed too: program "shop" did not start/,
    );
  });

  test("that kept the new release has nothing to explain", () => {
    assert.equal(explainActivation("web-2", { ...report, outcome: "kept" }), undefined);
  });
});

test("what is no expected failure is called a bug, exits with 70 and is the only one that shows a stack", () => {
  const bug = explainBug(new TypeError("x is not a function"));
  assert.equal(bug.exit, 70);
  assert.match(bug.error[0] ?? "", /this is a bug in zdr: TypeError: x is not a function/);
  assert.match(bug.log?.[0] ?? "", /^at /);
  assert.match(explainBug("a string").error[0] ?? "", /a string/);
});

function text(failure: Failure): string {
  return explain(failure).error.join("\n");
}
