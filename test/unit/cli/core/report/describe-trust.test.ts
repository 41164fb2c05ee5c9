import assert from "node:assert/strict";
import { test } from "node:test";
import { describeHostKeys, toNameInConfig } from "../../../../../cli/core/report/describe-trust.ts";

const KEY = { keyType: "ssh-ed25519", fingerprint: "SHA256:a", knownHostsLine: "web1 ssh-ed25519 AAAA" };
const problem = { ...KEY, kind: "host-key-unknown", address: "web1:22", searched: [] } as const;
const hosts = [{ host: "web1", keys: [{ ...KEY, problem }] }];

test("a key that has just been written down is not called unknown any more", () => {
  assert.match(describeHostKeys(hosts, { file: "known_hosts" }), /^web1 +ssh-ed25519 +SHA256:a +not known$/m);
  const told = describeHostKeys(hosts, { file: "known_hosts", appended: 1 });
  assert.match(told, /^web1 +ssh-ed25519 +SHA256:a +not until now: written to known_hosts$/m);
});

test("a host that only a certificate authority vouches for is told with what can check that", () => {
  const signed = {
    ...KEY,
    problem: { kind: "host-key-authority", address: "web1:22", place: "known_hosts:1" },
  } as const;
  assert.match(
    describeHostKeys([{ host: "web1", keys: [signed] }], { file: "known_hosts" }),
    /only by a certificate authority \(known_hosts:1\), which the system's ssh can check: transport: openssh/,
  );
});

test("a file in which not every host is looked for is told to be named in deploy.yml, with those that are read now", () => {
  const toName = ["~/.ssh/known_hosts", "keys"];
  const setting = "in deploy.yml: ssh: { known_hosts: [~/.ssh/known_hosts, keys] }";
  const told = describeHostKeys(hosts, { file: "config/keys", toName, appended: 1 });
  assert.ok(told.includes(`\nnot every host is looked for in it yet; ${setting}\n`), told);
  const advice = describeHostKeys(hosts, { file: "config/keys", toName });
  assert.ok(advice.includes(`zdr trust --write config/keys   (and ${setting})\n`), advice);
  const elsewhere =
    /^where ~\/\.ssh\/known_hosts may be missing, as in CI: ssh: \{ known_hosts: keys \}, and then zdr trust --write config\/keys/m;
  for (const text of [told, advice]) assert.match(text, elsewhere);
  assert.doesNotMatch(describeHostKeys(hosts, { file: "config/keys", toName: ["ours", "keys"] }), elsewhere);
  assert.doesNotMatch(describeHostKeys(hosts, { file: "keys", appended: 1 }), /deploy\.yml/);
  assert.match(describeHostKeys(hosts, { file: "keys" }), /zdr trust --write keys$/m);
});

const PLACE = { folder: "/shop/config", home: "/home/me" };
const OWN = "/home/me/.ssh/known_hosts";
const SYSTEM = "/etc/ssh/ssh_known_hosts";

test("a file that the hosts are looked for in needs no name in deploy.yml, whoever says that they are", () => {
  assert.equal(toNameInConfig("/ours", [["/ours", SYSTEM]], [], PLACE), undefined);
  assert.equal(toNameInConfig(OWN, [[OWN, SYSTEM]], [OWN], PLACE), undefined);
});

test("one that is read for no host, or for some only, is named as deploy.yml reads it, and what is read now stays", () => {
  const file = "/shop/config/known_hosts";
  assert.deepEqual(toNameInConfig(file, [[OWN, SYSTEM]], [OWN], PLACE), ["~/.ssh/known_hosts", "known_hosts"]);
  assert.deepEqual(toNameInConfig(file, [[OWN, SYSTEM]], [OWN, SYSTEM], PLACE)?.[1], SYSTEM);
  assert.deepEqual(toNameInConfig(file, [[file], [OWN]], [OWN, file], PLACE), ["~/.ssh/known_hosts", "known_hosts"]);
  assert.deepEqual(toNameInConfig("/shop/known_hosts", [[OWN]], [], PLACE), ["../known_hosts"]);
});

test("the own known_hosts is not read where deploy.yml names another file, and is to be named beside it", () => {
  const named = "/shop/config/known_hosts";
  assert.deepEqual(toNameInConfig(OWN, [[named]], [named], PLACE), ["known_hosts", "~/.ssh/known_hosts"]);
});
