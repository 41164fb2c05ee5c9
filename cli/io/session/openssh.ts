/**
 * `transport: openssh`: the system's own ssh carries the session, for what ssh2 can not do (certificates, FIDO keys,
 * Kerberos, shared connections, post-quantum key exchange). Host keys are checked by ssh, always strictly.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePin } from "../../core/known-hosts.ts";
import type { SshHost } from "../../core/plan.ts";
import { interactiveArgs, opensshArgs } from "../../core/ssh/openssh-args.ts";
import { type LinkFailure, ZdrError } from "../../failure.ts";
import { type Channel, type ChannelEnd, type Connection, SSH_FAILED } from "./transport.ts";

/** A shell's word for a program that is not there. */
const NOT_FOUND = 127;
const STDERR_TAIL_LENGTH = 4096;
const PIN_ALIAS = "pinned-by-zdr";

/** Ctrl-C is for zdr to handle: an ssh that is told nothing of it goes on carrying the session. */
const DEAF_TO_INTERRUPTS = ["-c", 'trap "" INT QUIT; exec ssh "$@"', "sh"];

export async function connectOpenssh(host: SshHost, canAsk: boolean): Promise<Connection> {
  const fail = (link: LinkFailure) => new ZdrError({ kind: "link", host: host.name, link });
  const name = `${host.user === undefined ? "" : `${host.user}@`}${host.address}`;
  const pins = await pinsFile(host, fail);
  // The file of the pins will be gone.
  const byHand = interactiveArgs(host, ["true"], undefined);
  return {
    name,
    exec: async (command) => {
      const args = opensshArgs(host, command, { canAsk, pins });
      if ("problem" in args) throw fail({ kind: "openssh", address: name, code: null, detail: args.problem });
      return channelOf(args, { address: name, ...("problem" in byHand ? {} : { args: byHand }) });
    },
    close: () => void pins?.remove(),
  };
}

type OpensshFailure = Extract<LinkFailure, { kind: "openssh" }>;

function channelOf(args: readonly string[], about: Pick<OpensshFailure, "address" | "args">): Channel {
  const child = spawn("/bin/sh", [...DEAF_TO_INTERRUPTS, ...args], { stdio: "pipe" });
  let tail = "";
  let hasSpoken = false;
  child.stdout.once("data", () => {
    hasSpoken = true;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-STDERR_TAIL_LENGTH);
  });
  child.stdin.on("error", () => {}); // whoever writes hears of it by the callback
  const closed = new Promise<ChannelEnd>((resolve) => {
    child.on("error", (error) => resolve({ code: NOT_FOUND, signal: null, problem: problemOf(null, error.message) }));
    child.on("close", (code) => {
      const failed = !hasSpoken && (code === SSH_FAILED || code === NOT_FOUND);
      // A signal has ended ssh, and not the agent.
      resolve({ code, signal: null, ...(failed ? { problem: problemOf(code, tail) } : {}) });
    });
  });
  const problemOf = (code: number | null, said: string): LinkFailure => {
    const detail = said
      .trim()
      .replace(/\.?\r?\n/g, "; ")
      .replace(/\.$/, "");
    return { kind: "openssh", ...about, code, detail };
  };
  return { stdin: child.stdin, stdout: child.stdout, stderrTail: () => tail, closed };
}

interface PinsFile {
  readonly path: string;
  readonly alias: string;
  remove(): Promise<void>;
}

/** Keys pinned in deploy.yml, as the only known_hosts that ssh sees. */
export async function pinsFile(
  { hostKeys }: Pick<SshHost, "hostKeys">,
  fail: (link: LinkFailure) => ZdrError,
): Promise<PinsFile | undefined> {
  if (hostKeys.length === 0) return undefined;
  const lines = hostKeys.map((text) => {
    const pin = parsePin(text);
    if (pin?.kind === "key") return `${PIN_ALIAS} ${pin.keyType} ${pin.keyBlob.toString("base64")}\n`;
    throw fail({
      ...{ kind: "openssh", address: text, code: null },
      detail: "ssh can not check a host key by its fingerprint; write the whole key (ssh-ed25519 AAAA…)",
    });
  });
  const folder = await mkdtemp(join(tmpdir(), "zdr-pins-"));
  const path = join(folder, "known_hosts");
  await writeFile(path, lines.join(""), { mode: 0o600 });
  return { path, alias: PIN_ALIAS, remove: () => rm(folder, { recursive: true, force: true }) };
}
