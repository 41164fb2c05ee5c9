/** The system's ssh on this terminal, to a host of deploy.yml. */
import { spawn } from "node:child_process";
import type { SshHost } from "../../core/plan.ts";
import { interactiveArgs } from "../../core/ssh/openssh-args.ts";
import { type LinkFailure, ZdrError } from "../../failure.ts";
import type { Routes } from "../ssh/routes.ts";
import { pinsFile } from "./openssh.ts";

/** A shell's words for what is not there, and for what a signal has ended. */
const NOT_FOUND = 127;
const BY_SIGNAL = 128;

/**
 * ssh's exit code. Pinned fingerprints, which ssh can not check, are turned into whole keys: the host is asked for them, and
 * only those that fit are handed on. `routes`: made only for that.
 */
export async function runSsh(
  host: SshHost,
  command: readonly string[],
  routes: () => Promise<Routes>,
): Promise<number> {
  const fail = (link: LinkFailure) => new ZdrError({ kind: "link", host: host.name, link });
  const hostKeys = await wholeKeys(host, routes);
  const pins = await pinsFile({ hostKeys }, fail);
  try {
    const args = interactiveArgs(host, command, pins);
    if ("problem" in args) throw fail({ kind: "openssh", address: host.address, code: null, detail: args.problem });
    return await new Promise((resolve, reject) => {
      const child = spawn("ssh", args, { stdio: "inherit" });
      child.on("error", ({ message: detail }) =>
        reject(fail({ kind: "openssh", address: host.address, code: NOT_FOUND, detail })),
      );
      child.on("close", (code) => resolve(code ?? BY_SIGNAL));
    });
  } finally {
    await pins?.remove();
  }
}

async function wholeKeys(host: SshHost, routes: () => Promise<Routes>): Promise<readonly string[]> {
  if (!host.hostKeys.some((pin) => pin.startsWith("SHA256:"))) return host.hostKeys;
  const shown = await (await routes()).showKeys(host);
  const trusted = shown.filter(({ trustedBy }) => trustedBy !== undefined);
  const problem = shown.find((key) => key.problem !== undefined)?.problem;
  if (trusted.length === 0 && problem !== undefined)
    throw new ZdrError({ kind: "link", host: host.name, link: problem });
  return trusted.map(({ knownHostsLine }) => knownHostsLine.split(" ").slice(1).join(" "));
}
