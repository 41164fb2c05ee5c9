/** What the system's ssh is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type OpensshOptions, opensshArgs } from "../../../../../cli/core/ssh/openssh-args.ts";

type Host = Parameters<typeof opensshArgs>[0];

const HOST: Host = {
  ...{ address: "web1", keys: [], hostKeys: [], knownHosts: [], transport: "openssh", connectTimeoutMs: 2_500 },
};

function argsOf(host: Partial<Host>, options: Partial<OpensshOptions> = {}): readonly string[] {
  const args = opensshArgs({ ...HOST, ...host }, "exec sh", { canAsk: false, ...options });
  if ("problem" in args) assert.fail(args.problem);
  return args;
}

test("host keys are checked strictly, whatever else is asked for", () => {
  assert.ok(argsOf({}).includes("StrictHostKeyChecking=yes"));
});

test("ssh learns no host key into what deploy.yml names, and else does as it is configured", () => {
  const learns = (host: Partial<Host>, options: Partial<OpensshOptions> = {}) =>
    !argsOf(host, options).includes("UpdateHostKeys=no");
  assert.equal(learns({}), true);
  assert.equal(learns({ knownHosts: ["/project/known_hosts"] }), false);
  assert.equal(learns({}, { pins: { path: "/tmp/pins", alias: "pinned" } }), false);
});

test("what deploy.yml leaves out is left to ssh's configuration", () => {
  const args = argsOf({});
  for (const flag of ["-l", "-p", "-i", "-J", "-F"]) assert.ok(!args.includes(flag), flag);
  assert.deepEqual(args.slice(-3), ["--", "web1", "exec sh"]);
});

test("what deploy.yml says becomes flags, which win over the configuration", () => {
  const jump = [
    { address: "a", user: "ops", port: 2222, keys: [], hostKeys: [] },
    { address: "fd00::1", port: 22, keys: [], hostKeys: [] },
  ];
  const args = argsOf({ user: "deploy", port: 2200, keys: ["/k 1"], jump, config: "/c", knownHosts: ["/known 100%"] });
  assert.deepEqual(args.slice(0, 2), ["-F", "/c"]);
  assert.deepEqual(args.slice(args.indexOf("-l")), [
    ...["-l", "deploy", "-p", "2200", "-i", "/k 1", "-J", "ops@a:2222,[fd00::1]:22", "-T", "--", "web1", "exec sh"],
  ]);
  assert.ok(args.includes('UserKnownHostsFile="/known 100%%"'));
});

test("ssh asks for nothing where nobody sits at a terminal, and gives up on a silent host", () => {
  assert.ok(argsOf({}).includes("BatchMode=yes"));
  assert.ok(argsOf({}, { canAsk: true }).includes("BatchMode=no"));
  assert.ok(argsOf({}).includes("ConnectTimeout=3"));
});

test("no jump host means none, also where the configuration has one", () => {
  assert.ok(argsOf({ jump: [] }).includes("ProxyJump=none"));
});

test("a jump host's own key is refused by name, since ssh has no flag for it", () => {
  const jump = [{ address: "a", keys: ["/k"], hostKeys: [] }];
  assert.match(
    (opensshArgs({ ...HOST, jump }, "exec sh", { canAsk: false }) as { problem: string }).problem,
    /jump host/,
  );
});
