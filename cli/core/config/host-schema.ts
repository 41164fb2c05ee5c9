/** The hosts in deploy.yml and how they are reached: the part of the schema that says who is deployed to. */
import * as z from "zod/mini";
import { HEARTBEAT_INTERVAL_MS, SILENCE_LIMIT_MS } from "../../../agent/protocol.ts";
import {
  about,
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
    batch: about(
      "How many hosts activate at once, as a number or a share: 2, 25%, or a list of steps: [1, 25%, 100%].",
      z.pipe(
        z.prefault(z.union([size(), z.array(size()).check(z.minLength(1))]), BATCH),
        z.transform((value) => (Array.isArray(value) ? value : [value])),
      ),
    ),
    pause: about(
      "How long the hosts that took the release are watched before the next step.",
      z.prefault(duration(0), PAUSE),
    ),
    max_failures: about(
      "How many hosts may fail, and revert, before no further one is tried.",
      z._default(wholeNumber(0, 1_000_000), 0),
    ),
    on_failure: about(
      "stop: hosts that took the release keep it; revert-all: they go back to what they had.",
      z.prefault(choice(["stop", "revert-all"]), "stop"),
    ),
  });
}

export function sshSection() {
  const section = z.strictObject({
    user: about(
      "Who logs in; the SSH configuration's, or your own user name, if left out.",
      z.optional(checkedBy(z.string(), checkSshUser)),
    ),
    port: about("Port of the SSH servers; the SSH configuration's, or 22, if left out.", z.optional(port())),
    key: about(
      "Private key file, or a list of them, tried after ssh-agent; relative to deploy.yml, ~/ is your home.",
      keyFiles(),
    ),
    known_hosts: about(
      "Files of known host keys instead of ~/.ssh/known_hosts and the system's.",
      oneOrMany(localPath()),
    ),
    config: about(
      "An SSH configuration to go by instead of ~/.ssh/config and the system's; none for none at all.",
      z.optional(localPath()),
    ),
    jump: about(
      "Hosts on the way to all hosts, the first one first; the SSH configuration's ProxyJump if left out.",
      jump(),
    ),
    transport: about(
      "builtin: zdr's own SSH; openssh: the system's ssh, for certificates, FIDO keys, Kerberos and shared connections.",
      z.prefault(transport(), "builtin"),
    ),
    connect_timeout: about("Longest wait until a host lets zdr in.", z.prefault(duration(1), CONNECT_TIMEOUT)),
    heartbeat: about(
      "How often zdr and its agent on a host tell each other that they are there.",
      z.prefault(duration(1), HEARTBEAT),
    ),
    silence: about(
      "After how long without a word from the other side each takes the connection for dead.",
      z.prefault(duration(1), SILENCE),
    ),
  });
  return checkedBy(section, (checked) => {
    if (checked.silence >= HEARTBEATS_IN_SILENCE * checked.heartbeat) return { ok: checked };
    return { ...complain("must be at least twice ssh.heartbeat, or a slow line would count as dead"), at: ["silence"] };
  });
}

export function inventorySection() {
  const section = z.strictObject({
    ansible: about(
      "An Ansible inventory, INI or YAML, relative to deploy.yml; its groups are the hosts' roles.",
      z.optional(localPath()),
    ),
    command: about(
      "A shell command that prints them: one host a line, or JSON; run beside deploy.yml.",
      z.optional(checkedBy(z.string(), notBlank)),
    ),
    groups: about("Only hosts with one of these roles; all if left out.", oneOrMany(checkedBy(z.string(), checkName))),
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
    address: about(words.address, z.optional(z.string())),
    user: about(words.user, z.optional(checkedBy(z.string(), checkSshUser))),
    port: about(words.port, z.optional(port())),
    key: about(words.key, keyFiles()),
    host_key: about(
      "The host's public key (ssh-ed25519 AAAA…) or fingerprint (SHA256:…), or a list; known_hosts is then not asked.",
      oneOrMany(checkedBy(z.string(), checkHostKey)),
    ),
  };
}

/** One word, or a list; `none` is no host at all. */
function jump() {
  const word = checkedBy(z.string(), jumpOfWord);
  const none = z.pipe(
    choice(["none"]),
    z.transform((): Login[] => []),
  );
  const spelled = checkedBy(z.strictObject(loginParts(JUMP_LOGIN)), jumpOfParts);
  return z.optional(
    z.union([
      none,
      z.pipe(
        word,
        z.transform((one) => [one]),
      ),
      z.array(z.union([word, spelled])),
    ]),
  );
}

/** One word or one mapping, which may stand for many hosts by its ranges. */
export function hostEntry() {
  const spelled = z.strictObject({
    name: about(
      "What the host is called in messages and for --host; its address if left out. web[01:20] is twenty hosts.",
      z.optional(z.string()),
    ),
    ...loginParts(HOST_LOGIN),
    roles: about("What it is for, one or a list: --role chooses by it.", oneOrMany(checkedBy(z.string(), checkName))),
    labels: about(
      "Further words to choose it by: --label name=value.",
      z._default(z.record(checkedBy(z.string(), checkName), textAsWritten()), {}),
    ),
    jump: about("Hosts on the way to it, instead of ssh.jump; none for none.", jump()),
    transport: about("How it is reached, instead of ssh.transport.", z.optional(transport())),
    node: about("Path of Node on this host, instead of node.", z.optional(nodePath())),
  });
  return z.union([checkedBy(z.string(), hostsOfWord), checkedBy(spelled, hostsOfParts)]);
}
