/** What stands between us and a host, in words. */
import { formatMs } from "../core/report/units.ts";
import type { AuthAttempt, LinkFailure } from "../failure.ts";
import { list, onHost, shellWord, splitAddress, type Words, words } from "./words.ts";

type LinkFailureOf<Kind extends LinkFailure["kind"]> = Extract<LinkFailure, { kind: Kind }>;

/** A shell's word for a program that is not there. */
const NOT_FOUND = 127;
/** What an interpreter must be; the agent says the same of itself. */
const NODE_NEEDED = "Node 18 or newer";
const SHELL_START = "start-up files of the login shell (.bashrc, .profile) must not end the shell or wait for input";

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
        link.command === undefined
          ? `${link.through} has to reach it; try there: ${sshCommand(link.address)}`
          : `it has to begin with the server's "SSH-2.0-…"; try it by hand: ${link.command}`,
      );
    case "openssh":
      return words(
        `ssh did not get into ${link.address}${link.code === null ? "" : ` (exit ${link.code})`}: ${link.detail}`,
        link.code === NOT_FOUND
          ? "transport: openssh takes the ssh of this machine (Debian: openssh-client); or leave it out in deploy.yml"
          : `try: ssh ${(link.args ?? [link.address, "true"]).map(shellWord).join(" ")}`,
      );
    case "link-lost":
      if (link.isAgentsEnd === true) {
        return words(
          `the agent ended during ${link.during}: ${link.detail}`,
          "whatever it had begun, the next zdr deploy or zdr reload there finishes or undoes; see what is there: zdr status --releases",
          onHost("see what ended it, such as a lack of memory: sudo dmesg | tail"),
        );
      }
      return words(
        `the connection was lost during ${link.during}: ${link.detail}`,
        "the agent finishes or undoes by itself; see what it did: zdr releases",
      );
    case "link-silent":
      if (link.isBeforeAgent) {
        return words(
          `nothing was heard for ${formatMs(link.silentMs)} while the agent was to start, so the connection counts as dead`,
          SHELL_START,
          "where that does not wait for anything, the link has died: the same command again",
        );
      }
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
      if (link.isNoSession) {
        return words(
          `its SSH server lets us in and opens no session: ${link.detail}`,
          "a server that only forwards (MaxSessions 0 in its sshd_config) is on the way to a host and none itself: jump:",
        );
      }
      return words(
        `the agent did not start: ${link.detail}${link.noise === "" ? "" : ` (the login shell said: ${link.noise})`}`,
        SHELL_START,
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
    ...trusting(link),
    `or pin it in deploy.yml at ${pinPlace(link)}: host_key: "${link.fingerprint}"`,
  );
}

/** As whoever edits deploy.yml finds it. */
function pinPlace({ listedAs, address }: Pick<LinkFailureOf<"host-key-unknown">, "listedAs" | "address">): string {
  return listedAs === undefined ? `the jump host ${place(address)}` : `host ${listedAs}`;
}

/** To the user's own file where that is searched, or would be; else to what deploy.yml names instead. */
function trusting({ searched, knownHostsLine }: LinkFailureOf<"host-key-unknown">): readonly string[] {
  const own = "~/.ssh/known_hosts";
  const [first] = searched.filter((file) => !file.startsWith("/etc/"));
  const file =
    first === undefined || searched.some((path) => path.endsWith("/.ssh/known_hosts")) ? own : shellWord(first);
  const echo = `echo ${shellWord(knownHostsLine)} >> ${file}`;
  if (first !== undefined) return [`if it is the same, trust it: ${echo}`];
  // As in a CI job, whose home is new each time.
  return [
    `if it is the same, trust it: mkdir -pm 700 ~/.ssh && ${echo}`,
    "or in a file beside deploy.yml, for every machine and for CI: zdr trust",
  ];
}

function changedHostKey(link: LinkFailureOf<"host-key-changed">): Words {
  const expected = link.expected.map((key) => `${key.keyType} ${key.fingerprint} (${key.place})`);
  return words(
    `the host key of ${link.address} has changed: it shows ${link.keyType} ${link.fingerprint}, ` +
      `expected ${expected.join(" or ")}; somebody may stand in between; nothing was sent`,
    "compare with the host's own; on its console: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    ...howToReplace(link),
  );
}

/** By known_hosts files or by pins: whichever the old key stands in decides, and the other would change nothing. */
function howToReplace({
  address,
  listedAs,
  expected,
  fingerprint,
  knownName,
  knownHostsLine,
}: LinkFailureOf<"host-key-changed">) {
  const files = [...new Set(expected.flatMap(({ file }) => file ?? []))];
  const [first] = files;
  if (first === undefined) {
    return [
      `if the host really has a new key, pin that in deploy.yml at ${pinPlace({ listedAs, address })}: host_key: "${fingerprint}"`,
    ];
  }
  // Of a file with such a line, ssh-keygen would take that away, for all hosts that it names.
  const patterned = new Set(expected.flatMap(({ file, isPattern }) => (isPattern ? (file ?? []) : [])));
  const byHand = expected.filter(({ file }) => file !== undefined && patterned.has(file));
  const forget = files
    .filter((file) => !patterned.has(file))
    .map((file) => `ssh-keygen -R ${shellWord(knownName)} -f ${shellWord(file)}`)
    .join(" && ");
  return [
    ...byHand.map(({ place, isPattern }) =>
      isPattern
        ? `if the host really has a new key: ${place} names it by a pattern, and others too maybe; except it there: ,!${knownName} behind the names`
        : `if the host really has a new key, take out ${place}`,
    ),
    ...(forget === "" ? [] : [`if the host really has a new key, forget the old one: ${forget}`]),
    `and trust the new one: echo ${shellWord(knownHostsLine)} >> ${shellWord(first)}`,
  ];
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
