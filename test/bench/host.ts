/**
 * The host that all benchmarks go to: a private sshd and supervisord, and a plain user with empty start-up files, since
 * what a login shell does on its way costs both sides the same and would hide what they differ in.
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDelayProxy } from "../support/load/delay-proxy.ts";
import { type Rig, startRig } from "../support/rig.ts";
import type { Sshd } from "../support/sshd.ts";
import { addTemporaryUser } from "../support/temporary-user.ts";
import type { Command } from "./turns.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What is told by hand that there is a new release. It does nothing about it, so that it costs nothing. */
export const BY_HAND_PROGRAM = "by-hand";
const BY_HAND_SECTION = `[program:${BY_HAND_PROGRAM}]
command=/bin/sh -c 'trap "" USR2; while :; do sleep 3600; done'
stopasgroup=true
killasgroup=true
`;
const ZDR = join(process.env.ZDR_DIST ?? join(ROOT, "dist"), "zdr.cjs");

export interface BenchHost {
  readonly rig: Rig;
  /** zdr as an operator types it, from its start on. */
  zdr(...args: string[]): Command;
  /** OpenSSH's client with Debian's defaults, to the same host by the same way. */
  ssh(...words: string[]): Command;
  /** The same client with its options, for rsync's `-e` and for pipes. */
  readonly sshWords: readonly string[];
  readonly login: string;
}

/** A way to the host with this round trip. */
export interface Line {
  readonly host: BenchHost;
  /** Of one command: how often it answered to what it had got, and one for the connection. */
  roundTrips(command: () => Promise<unknown>): Promise<number>;
}

interface SshConfig {
  readonly hosts: readonly [{ readonly port: number }];
  readonly ssh: { readonly key: string; readonly known_hosts: string };
}

/** `folder`: where everything on the host lies; /dev/shm is a tmpfs. */
export async function withHost<T>(folder: string, work: (host: BenchHost) => Promise<T>): Promise<T> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const user = await addTemporaryUser({ shell: "/bin/bash" });
    cleanUps.push(() => user.remove());
    const supervisord = { user: user.name, programs: BY_HAND_SECTION };
    const options = { via: "ssh", user: user.name, supervisord } as const;
    const rig = await startRig({ after: (clean) => void cleanUps.push(clean) }, options);
    await rig.configure({});
    return await work(hostAt(rig, user.name, sshdOf(rig).port, await sshConfig(rig)));
  } finally {
    for (const clean of cleanUps.reverse()) await clean();
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

/** Both sides go through test/support/load/delay-proxy.ts while `work` runs; says what it models and what it does not. */
export async function withLine<T>(
  { rig, login }: BenchHost,
  roundTripMs: number,
  work: (line: Line) => Promise<T>,
): Promise<T> {
  const sshd = sshdOf(rig);
  const proxy = await startDelayProxy({ target: { port: sshd.port }, oneWayMs: roundTripMs / 2 });
  const config = await sshConfig(rig);
  try {
    await appendFile(config.ssh.known_hosts, sshd.knownHostsLine({ name: `[127.0.0.1]:${proxy.port}` }));
    await rig.configure({ hosts: [{ ...config.hosts[0], port: proxy.port }] });
    return await work({
      host: hostAt(rig, login.replace(/@.*/, ""), proxy.port, config),
      roundTrips: async (command) => {
        const { turns } = proxy.counts();
        await command();
        return proxy.counts().turns - turns + 1;
      },
    });
  } finally {
    await rig.configure({ hosts: config.hosts });
    await proxy.close();
  }
}

function hostAt(rig: Rig, user: string, port: number, { ssh }: SshConfig): BenchHost {
  const login = `${user}@127.0.0.1`;
  const sshWords = [
    ...["ssh", "-F", "none", "-p", String(port), "-i", ssh.key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"],
    ...["-o", `UserKnownHostsFile=${ssh.known_hosts}`, "-o", "BatchMode=yes"],
  ];
  return {
    ...{ rig, login, sshWords },
    zdr: (...args) => ({ argv: [process.execPath, ZDR, ...args], cwd: rig.project, env: rig.env }),
    ssh: (...words) => ({ argv: ["env", ...sshWords, login, ...words] }),
  };
}

async function sshConfig(rig: Rig): Promise<SshConfig> {
  return JSON.parse(await readFile(rig.configPath, "utf8"));
}

function sshdOf({ sshd }: Rig): Sshd {
  if (sshd === undefined) throw new Error("the rig has no sshd");
  return sshd;
}
