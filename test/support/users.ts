import { readFile } from "node:fs/promises";

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A user of this machine, from /etc/passwd. */
export async function userNamed(name: string): Promise<User> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((text) => text.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`this machine has no user ${name}`);
  const [, , uid, gid, , home] = line.split(":");
  return { name, uid: Number(uid), gid: Number(gid), home: home ?? "/" };
}
