/** File systems of a test's own, mounted where a deploy goes: small ones, that can be filled, closed or rationed. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run, runOk } from "../processes.ts";
import type { Cleanup } from "../rig.ts";

const MIB = 1024 * 1024;

/** In memory: `megabytes` of room for at most `inodes` files. */
export async function mountMemory(
  cleanup: Cleanup,
  place: string,
  { megabytes, inodes }: { readonly megabytes: number; readonly inodes: number },
): Promise<void> {
  await mount(cleanup, place, ["-t", "tmpfs", "-o", `size=${megabytes}m,nr_inodes=${inodes},mode=0755`, "tmpfs"]);
}

/** On a file in `folder`: btrfs, whose subvolumes can be rationed without anything of the kernel's quota formats. */
export async function mountRationed(cleanup: Cleanup, folder: string, place: string): Promise<void> {
  const [image, root] = [join(folder, "image"), join(folder, "root")];
  await mkdir(root);
  await runOk(["truncate", "-s", String(256 * MIB), image]);
  await runOk(["mkfs.btrfs", "-q", "-M", image]);
  await mount(cleanup, root, ["-o", "loop", image]);
  await runOk(["btrfs", "quota", "enable", root]);
  await runOk(["btrfs", "subvolume", "create", join(root, "web")]);
  await mount(cleanup, place, ["--bind", join(root, "web")]);
}

/** Why this machine can ration nothing; undefined: it can. */
export async function whyNotRationed(): Promise<string | undefined> {
  const { stdout } = await run(["cat", "/proc/filesystems"]);
  if (!/\bbtrfs\b/.test(stdout)) return "this kernel has no btrfs";
  const { code } = await run(["losetup", "-f"]);
  return code === 0 ? undefined : "this machine has no loop devices";
}

async function mount(cleanup: Cleanup, place: string, words: readonly string[]): Promise<void> {
  await runOk(["mount", ...words, place]);
  cleanup.after(async () => {
    // Lazily: a process of the test may still stand in it, and is on its way out.
    await runOk(["umount", "-l", place]);
  });
}
