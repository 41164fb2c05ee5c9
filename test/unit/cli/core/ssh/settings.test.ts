/** What is taken from an SSH configuration, by genuine output of `ssh -G` and by what people write into such files. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSettings, readKeywords, settingsOf } from "../../../../../cli/core/ssh/settings.ts";

const SOURCES = { alias: "web1", home: "/home/me", localUser: "me", uid: 1000 };

/** What `ssh -G` of OpenSSH 9.2 prints where nothing is configured, without the lines that nobody reads. */
const DEFAULTS = `host web1
user me
hostname web1
port 22
identitiesonly no
stricthostkeychecking ask
updatehostkeys true
identityfile ~/.ssh/id_rsa
identityfile ~/.ssh/id_ecdsa
identityfile ~/.ssh/id_ecdsa_sk
identityfile ~/.ssh/id_ed25519
identityfile ~/.ssh/id_ed25519_sk
identityfile ~/.ssh/id_xmss
identityfile ~/.ssh/id_dsa
globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
userknownhostsfile /home/me/.ssh/known_hosts /home/me/.ssh/known_hosts2
`;

const read = (stdout: string) => settingsOf(parseSettings(stdout), SOURCES);

describe("what ssh makes of its configuration", () => {
  test("the usual key files are not taken for chosen ones", () => {
    assert.deepEqual(read(DEFAULTS), {
      ...{ hostname: "web1", port: 22, user: "me", identityFiles: [], identitiesOnly: false, jumps: [] },
      knownHosts: [
        ...["/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2"],
        ...["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
      ],
      certificateFiles: [],
    });
  });

  test("an alias becomes a host, a port and a user", () => {
    const { hostname, port, user } = read("hostname 10.0.0.7\nport 2222\nuser deploy\n");
    assert.deepEqual([hostname, port, user], ["10.0.0.7", 2222, "deploy"]);
  });

  test("tokens and the home folder are filled in", () => {
    const text =
      "hostname 10.0.0.7\nport 2222\nuser deploy\nidentityfile ~/.ssh/%r@%h:%p\nidentityfile %d/k-%n-%u-%%\n";
    assert.deepEqual(read(text).identityFiles, ["/home/me/.ssh/deploy@10.0.0.7:2222", "/home/me/k-web1-me-%"]);
    assert.equal(read("proxycommand exec nc -x proxy %h %p\nhostname w\n").proxyCommand, "nc -x proxy w 22");
  });

  test("jump hosts keep their order, and none is no jump host", () => {
    assert.deepEqual(read("proxyjump ops@a:2222,b\n").jumps, ["ops@a:2222", "b"]);
    assert.deepEqual(read("proxyjump none\n").jumps, []);
    assert.equal(read("proxycommand none\n").proxyCommand, undefined);
  });

  test("an agent of its own, or none, takes the place of the user's", () => {
    assert.equal(read("identityagent none\n").identityAgent, "none");
    assert.equal(read("identityagent ~/agent.sock\n").identityAgent, "/home/me/agent.sock");
    assert.equal(read("identityagent SSH_AUTH_SOCK\n").identityAgent, undefined);
  });

  test("the name that a key is known by is in lower case, as known_hosts has it", () => {
    assert.equal(read("hostkeyalias Web-Farm\n").hostKeyAlias, "web-farm");
  });
});

describe("whether ssh has to be asked at all", () => {
  test("not for what distributions ship", () => {
    const debian =
      "Include /etc/ssh/ssh_config.d/*.conf\n\nHost *\n#   Port 22\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n";
    assert.deepEqual(readKeywords(debian), { matters: false, includes: ["/etc/ssh/ssh_config.d/*.conf"] });
  });

  for (const line of [
    "  HostName 10.0.0.7",
    "proxyjump=bastion",
    "Match exec true",
    "IDENTITYFILE ~/.ssh/x",
    "Port\t2222",
  ]) {
    test(`for a line such as ${JSON.stringify(line)}`, () => {
      assert.equal(readKeywords(`Host web1\n${line}\n`).matters, true);
    });
  }
});
