/** A user of this machine for one test: with a home of its own, empty start-up files and the login shell that is asked for. */
import { spawnSync } from "node:child_process";
import { chown, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { killQuietly, run } from "./processes.ts";
import { type User, userNamed } from "./users.ts";

export interface TemporaryUser extends User {
  remove(): Promise<void>;
}

let count = 0;

/** Needs root. Nobody can log in with a password, but the account is not locked: sshd would refuse it. */
export async function addTemporaryUser({
  shell = "/bin/sh",
}: {
  readonly shell?: string;
} = {}): Promise<TemporaryUser> {
  const name = `zdr-t${process.pid}-${++count}`;
  const home = await mkdtemp(join(tmpdir(), "zdr-home-"));
  await account(["useradd", "--no-create-home", "--home-dir", home, "--shell", shell, "--password", "*", name]);
  const user = await userNamed(name);
  await chown(home, user.uid, user.gid);
  const removeAtExit = () => void spawnSync("userdel", [name]);
  process.on("exit", removeAtExit);
  return {
    ...user,
    remove: async () => {
      process.off("exit", removeAtExit);
      await killAllOf(user.uid);
      await account(["userdel", name]);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** What has written over its environment to change its name, as Perl does, is found by no mark in that. */
async function killAllOf(uid: number): Promise<void> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const owner = await stat(`/proc/${pid}`).catch(() => undefined);
    if (owner?.uid === uid) killQuietly(Number(pid));
  }
}

/** Only one process at a time may change /etc/passwd, and the others do not wait (useradd(8), exit 1). */
async function account(command: readonly [string, ...string[]]): Promise<void> {
  await eventually(
    async () => {
      const { code, stderr } = await run(command);
      // userdel(8), 8: the user is still logged in; its processes are about to end.
      if (code === 0) return true;
      if (code === 1 || code === 8 || code === 10) return false;
      throw new Error(`${command.join(" ")}: exit ${code}\n${stderr}`);
    },
    { name: command.join(" ") },
  );
}
