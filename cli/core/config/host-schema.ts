/** The hosts in deploy.yml and how they are reached: the part of the schema that says who is deployed to. */
import * as z from "zod";
import { HEARTBEAT_INTERVAL_MS, SILENCE_LIMIT_MS } from "../../../agent/protocol.ts";
import {
  checkedBy,
  choice,
  duration,
  keyFiles,
  localPath,
  nodePath,
  notBlank,
  oneOrMany,
  port,
  textAsWritten,
  wholeNumber,
} from "./kinds.ts";
import { checkBatch } from "./rules/batch.ts";
import { complain } from "./rules/checked.ts";
import { checkSshUser } from "./rules/host-address.ts";
import { hostsOfParts, hostsOfWord, jumpOfParts, jumpOfWord, type Login } from "./rules/host-entry.ts";
import { checkHostKey } from "./rules/host-key.ts";
import { checkName } from "./rules/names.ts";

/** Longest wait for a host to answer, where deploy.yml says nothing. */
const CONNECT_TIMEOUT = "10s";
const HEARTBEAT = `${HEARTBEAT_INTERVAL_MS / 1000}s`;
const SILENCE = `${SILENCE_LIMIT_MS / 1000}s`;
/** One that is late must not end the session. */
const HEARTBEATS_IN_SILENCE = 2;

/** One host at a time: whatever is wrong with a release, one host finds it out. */
const BATCH = 1;
const PAUSE = "0s";

export function rolloutSection() {
  const size = () => checkedBy(z.union([z.string(), z.number()]), checkBatch);
  return z.strictObject({
    batch: z
      .union([size(), z.array(size()).min(1)])
      .prefault(BATCH)
      .transform((value) => (Array.isArray(value) ? value : [value]))
      .describe("How many hosts activate at once, as a number or a share: 2, 25%, or a list of steps: [1, 25%, 100%]."),
    pause: duration(0)
      .prefault(PAUSE)
      .describe("How long the hosts that took the release are watched before the next step."),
    max_failures: wholeNumber(0, 1_000_000)
      .default(0)
      .describe("How many hosts may fail, and revert, before no further one is tried."),
    on_failure: choice(["stop", "revert-all"])
      .prefault("stop")
      .describe("stop: hosts that took the release keep it; revert-all: they go back to what they had."),
  });
}

export function sshSection() {
  const section = z.strictObject({
    user: checkedBy(z.string(), checkSshUser)
      .optional()
      .describe("Who logs in; the SSH configuration's, or your own user name, if left out."),
    port: port().optional().describe("Port of the SSH servers; the SSH configuration's, or 22, if left out."),
    key: keyFiles().describe(
      "Private key file, or a list of them, tried after ssh-agent; relative to deploy.yml, ~/ is your home.",
    ),
    known_hosts: oneOrMany(localPath()).describe(
      "Files of known host keys instead of ~/.ssh/known_hosts and the system's.",
    ),
    config: localPath()
      .optional()
      .describe("An SSH configuration to go by instead of ~/.ssh/config and the system's; none for none at all."),
    jump: jump().describe(
      "Hosts on the way to all hosts, the first one first; the SSH configuration's ProxyJump if left out.",
    ),
    transport: transport()
      .prefault("builtin")
      .describe(
        "builtin: zdr's own SSH; openssh: the system's ssh, for certificates, FIDO keys, Kerberos and shared connections.",
      ),
    connect_timeout: duration(1).prefault(CONNECT_TIMEOUT).describe("Longest wait until a host lets zdr in."),
    heartbeat: duration(1)
      .prefault(HEARTBEAT)
      .describe("How often zdr and its agent on a host tell each other that they are there."),
    silence: duration(1)
      .prefault(SILENCE)
      .describe("After how long without a word from the other side each takes the connection for dead."),
  });
  return checkedBy(section, (checked) => {
    if (checked.silence >= HEARTBEATS_IN_SILENCE * checked.heartbeat) return { ok: checked };
    return { ...complain("must be at least twice ssh.heartbeat, or a slow line would count as dead"), at: ["silence"] };
  });
}

export function inventorySection() {
  const section = z.strictObject({
    ansible: localPath()
      .optional()
      .describe("An Ansible inventory, INI or YAML, relative to deploy.yml; its groups are the hosts' roles."),
    command: checkedBy(z.string(), notBlank)
      .optional()
      .describe("A shell command that prints them: one host a line, or JSON; run beside deploy.yml."),
    groups: oneOrMany(checkedBy(z.string(), checkName)).describe(
      "Only hosts with one of these roles; all if left out.",
    ),
  });
  return checkedBy(section, (checked) =>
    checked.ansible === undefined && checked.command === undefined
      ? complain("names neither an Ansible inventory nor a command")
      : { ok: checked },
  );
}

const transport = () => choice(["builtin", "openssh"]);

const HOST_LOGIN = {
  address:
    "Host name, IP address or alias of the SSH configuration; its name if left out. local is this machine, without SSH.",
  user: "Who logs in, instead of ssh.user.",
  port: "Port of its SSH server, instead of ssh.port.",
  key: "Private key file or list of them, instead of ssh.key.",
};

const JUMP_LOGIN = {
  address: "Host name, IP address or alias of the SSH configuration.",
  user: "Who logs in there; the SSH configuration's, or your own user name, if left out.",
  port: "Port of its SSH server; the SSH configuration's, or 22, if left out.",
  key: "Private key file or list of them; the SSH configuration's if left out.",
};

/** How to log in to one machine. */
function loginParts(words: typeof HOST_LOGIN) {
  return {
    address: z.string().optional().describe(words.address),
    user: checkedBy(z.string(), checkSshUser).optional().describe(words.user),
    port: port().optional().describe(words.port),
    key: keyFiles().describe(words.key),
    host_key: oneOrMany(checkedBy(z.string(), checkHostKey)).describe(
      "The host's public key (ssh-ed25519 AAAA…) or fingerprint (SHA256:…), or a list; known_hosts is then not asked.",
    ),
  };
}

/** One word, or a list; `none` is no host at all. */
function jump() {
  const word = checkedBy(z.string(), jumpOfWord);
  const none = choice(["none"]).transform((): Login[] => []);
  const spelled = checkedBy(z.strictObject(loginParts(JUMP_LOGIN)), jumpOfParts);
  return z.union([none, word.transform((one) => [one]), z.array(z.union([word, spelled]))]).optional();
}

/** One word or one mapping, which may stand for many hosts by its ranges. */
export function hostEntry() {
  const spelled = z.strictObject({
    name: z
      .string()
      .optional()
      .describe(
        "What the host is called in messages and for --host; its address if left out. web[01:20] is twenty hosts.",
      ),
    ...loginParts(HOST_LOGIN),
    roles: oneOrMany(checkedBy(z.string(), checkName)).describe("What it is for, one or a list: --role chooses by it."),
    labels: z
      .record(checkedBy(z.string(), checkName), textAsWritten())
      .default({})
      .describe("Further words to choose it by: --label name=value."),
    jump: jump().describe("Hosts on the way to it, instead of ssh.jump; none for none."),
    transport: transport().optional().describe("How it is reached, instead of ssh.transport."),
    node: nodePath().optional().describe("Path of Node on this host, instead of node."),
  });
  return z.union([checkedBy(z.string(), hostsOfWord), checkedBy(spelled, hostsOfParts)]);
}
