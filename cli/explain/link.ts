/** What stands between us and a host, in words. */
import { formatMs } from "../core/report/units.ts";
import type { AuthAttempt, LinkFailure } from "../failure.ts";
import { list, shellWord, splitAddress, type Words, words } from "./words.ts";

type LinkFailureOf<Kind extends LinkFailure["kind"]> = Extract<LinkFailure, { kind: Kind }>;

/** What an interpreter must be; the agent says the same of itself. */
const NODE_NEEDED = "Node 18 or newer";

export function linkWords(link: LinkFailure): Words {
  switch (link.kind) {
    case "unreachable":
      return words(`cannot connect to ${link.address}: ${link.detail}`, `try: ${sshCommand(link.address)}`);
    case "connect-timeout":
      return words(
        `no answer from ${link.address} within ${formatMs(link.timeoutMs)}`,
        `try: ${sshCommand(link.address)}`,
      );
    case "handshake":
      return words(
        `the SSH handshake with ${link.address} failed: ${link.detail}`,
        `see what the server offers: ${sshCommand(link.address, "-vv")}`,
      );
    case "host-key-unknown":
      return unknownHostKey(link);
    case "host-key-changed":
      return changedHostKey(link);
    case "host-key-revoked":
      return words(
        `${link.address} shows the host key ${link.fingerprint}, which is revoked at ${link.place}`,
        "do not connect; ask whoever revoked it, and give the host a new key",
      );
    case "host-key-authority":
      return words(
        `${link.address} is trusted only by a certificate authority (${link.place}), and the builtin SSH can not check host certificates`,
        "the system's ssh can; in deploy.yml at this host: transport: openssh",
        `or pin the host's own key; read it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`,
        'then put it into deploy.yml at this host: host_key: "SHA256:…"',
      );
    case "known-hosts-unreadable":
      return words(
        `cannot read ${link.path}: ${link.code}, so no host key can be checked`,
        `ls -l ${shellWord(link.path)}`,
      );
    case "auth":
      return refusedLogin(link);
    case "key-file":
      return words(
        `cannot use the key file ${link.path}: ${link.detail}`,
        `check it: ssh-keygen -yf ${shellWord(link.path)}`,
      );
    case "ssh-config":
      return words(
        link.detail,
        "see what ssh itself makes of it: ssh -G HOST",
        "to do without it: ssh: { config: none }",
      );
    case "jump":
      return words(
        `there is no way to ${link.address} through ${link.through}: ${link.detail}`,
        `try: ${sshCommand(link.address)}`,
      );
    case "openssh":
      return words(
        `ssh did not get into ${link.address}${link.code === null ? "" : ` (exit ${link.code})`}: ${link.detail}`,
        `try: ssh ${shellWord(link.address)} true`,
      );
    case "link-lost":
      return words(
        `the connection was lost during ${link.during}: ${link.detail}`,
        "the agent finishes or undoes by itself; see what it did: zdr releases",
      );
    case "link-silent":
      return words(
        `nothing was heard for ${formatMs(link.silentMs)} during ${link.during}, so the connection counts as dead`,
        "the agent finishes or undoes by itself; see what it did: zdr releases",
      );
    case "node-missing":
      return words(
        `there is no Node on the host (searched: ${link.searched.join(", ")})`,
        `install ${NODE_NEEDED} there (sudo apt-get install nodejs), or name its path in deploy.yml: node: /path/of/node`,
      );
    case "node-too-old":
      return words(
        `${link.node} on the host is Node ${link.version}; ${NODE_NEEDED} is needed`,
        `install ${NODE_NEEDED} there, or name the path of another one in deploy.yml: node: /path/of/node`,
      );
    case "agent-start":
      return words(
        `the agent did not start: ${link.detail}${link.noise === "" ? "" : ` (the login shell said: ${link.noise})`}`,
        "start-up files of the login shell (.bashrc, .profile) must not end the shell or wait for input",
        'where deploy.yml has "node:", it must name Node itself and not a script around it',
      );
    case "agent-reply":
      return words(
        `the agent's answer cannot be understood: ${link.detail}`,
        "this is a bug in zdr, please report it; or somebody has taken that host over and speaks in the agent's place",
      );
  }
}

function unknownHostKey(link: LinkFailureOf<"host-key-unknown">): Words {
  const searched = link.searched.length === 0 ? "no known_hosts file was there to search" : list(link.searched);
  return words(
    `the host key of ${link.address} is not known: it shows ${link.keyType} ${link.fingerprint}; ` +
      `searched: ${searched}; nothing was sent`,
    "compare the fingerprint with the host's own; on its console: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    `if it is the same, trust it: echo ${shellWord(link.knownHostsLine)} >> ${knownHostsFile(link.searched)}`,
    `or pin it in deploy.yml at host ${place(link.address)}: host_key: "${link.fingerprint}"`,
  );
}

/** The user's own where that is searched; else what deploy.yml names instead. */
function knownHostsFile(searched: readonly string[]): string {
  const own = searched.length === 0 || searched.some((file) => file.endsWith("/.ssh/known_hosts"));
  return own ? "~/.ssh/known_hosts" : shellWord(searched[0] ?? "");
}

function changedHostKey(link: LinkFailureOf<"host-key-changed">): Words {
  const expected = link.expected.map((key) => `${key.keyType} ${key.fingerprint} (${key.place})`);
  return words(
    `the host key of ${link.address} has changed: it shows ${link.keyType} ${link.fingerprint}, ` +
      `expected ${expected.join(" or ")}; somebody may stand in between; nothing was sent`,
    "compare with the host's own; on its console: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    `if the host really has a new key, forget the old one: ssh-keygen -R ${shellWord(link.knownName)}`,
    `and pin the new one in deploy.yml at this host: host_key: "${link.fingerprint}"`,
  );
}

function refusedLogin(link: LinkFailureOf<"auth">): Words {
  const tried = link.attempts.map((attempt: AuthAttempt) => `${attempt.what}: ${attempt.outcome}`);
  const how = tried.length === 0 ? "no key was found to try" : `tried ${tried.join("; ")}`;
  return words(
    `${place(link.address)} does not let ${link.user} in (${how})`,
    "see which keys the agent holds: ssh-add -l",
    `try: ${sshCommand(link.address)}`,
  );
}

/** The host without the user, and with the port only where it is not the usual one. */
function place(address: string): string {
  const { host, port } = splitAddress(address);
  if (port === "22") return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function sshCommand(address: string, ...options: string[]): string {
  const { target, port } = splitAddress(address);
  return ["ssh", ...options, ...(port === "22" ? [] : ["-p", port]), shellWord(target), "true"].join(" ");
}
