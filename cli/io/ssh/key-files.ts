/** Private keys on this machine's disk: each file is read once, and each passphrase asked for once, however many hosts there are. */
import { access, readFile } from "node:fs/promises";
import type { ParsedKey } from "ssh2";
import type { Secret } from "../../../agent/wire/secret.ts";
import { describeKeyFile } from "../../core/ssh/key-file.ts";

export type Ssh2 = typeof import("ssh2");

/** Resolves to undefined when the user gives none. */
export type AskPassphrase = (path: string) => Promise<Secret | undefined>;

export type KeyOnDisk =
  | { readonly kind: "absent" }
  | { readonly kind: "unsupported"; readonly detail: string }
  | { readonly kind: "public"; readonly publicBlob: Buffer }
  | {
      readonly kind: "private";
      readonly text: string;
      readonly isEncrypted: boolean;
      /** From the file, or from the `.pub` beside it; absent where neither tells. */
      readonly publicBlob: Buffer | undefined;
      /** A certificate stands beside it, which may be what the host wants. */
      readonly hasCertificate: boolean;
    };

export const PASSPHRASE_TRIES = 3;

export interface KeyFiles {
  load(path: string): Promise<KeyOnDisk>;
  /** Decrypts; undefined when no passphrase opened it. Prompts come one at a time. */
  unlock(ssh2: Ssh2, path: string, text: string, ask: AskPassphrase): Promise<ParsedKey | undefined>;
}

export function keyFiles(): KeyFiles {
  const loaded = new Map<string, Promise<KeyOnDisk>>();
  const unlocked = new Map<string, Promise<ParsedKey | undefined>>();
  let lastPrompt: Promise<unknown> = Promise.resolve();
  return {
    load: (path) => remembered(loaded, path, () => loadKey(path)),
    unlock: (ssh2, path, text, ask) =>
      remembered(unlocked, path, () => {
        const key = lastPrompt.then(() => unlockKey(ssh2, text, () => ask(path)));
        lastPrompt = key.catch(() => {});
        return key;
      }),
  };
}

/** ssh2's parser, without its habit of returning errors and lists. */
export function parseKey(ssh2: Ssh2, data: Buffer | string, passphrase?: string): ParsedKey | undefined {
  const [key] = [ssh2.utils.parseKey(data, passphrase)].flat();
  return key === undefined || key instanceof Error ? undefined : key;
}

async function unlockKey(
  ssh2: Ssh2,
  text: string,
  ask: () => Promise<Secret | undefined>,
): Promise<ParsedKey | undefined> {
  for (let tries = 0; tries < PASSPHRASE_TRIES; tries++) {
    const passphrase = await ask();
    if (passphrase === undefined) return undefined;
    const key = parseKey(ssh2, text, passphrase.reveal());
    if (key !== undefined) return key;
  }
  return undefined;
}

async function loadKey(path: string): Promise<KeyOnDisk> {
  const text = await readIfThere(path);
  if (typeof text !== "string") return text ?? (await loadPublicHalf(path));
  const described = describeKeyFile(text);
  if (described.kind !== "private") return described;
  const beside = described.publicBlob === undefined ? await loadPublicHalf(path) : undefined;
  const publicBlob = beside?.kind === "public" ? beside.publicBlob : described.publicBlob;
  return { ...described, text, publicBlob, hasCertificate: await isThere(`${path}-cert.pub`) };
}

/** ssh-keygen puts the public half beside the private one; where only it is there, the agent may hold the rest. */
async function loadPublicHalf(path: string): Promise<Exclude<KeyOnDisk, { kind: "private" }>> {
  const text = await readIfThere(`${path}.pub`);
  if (typeof text !== "string") return text ?? { kind: "absent" };
  const described = describeKeyFile(text);
  return described.kind === "private" ? { kind: "absent" } : described;
}

async function readIfThere(path: string): Promise<string | Extract<KeyOnDisk, { kind: "unsupported" }> | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : { kind: "unsupported", detail: `cannot be read: ${code}` };
  }
}

export const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
