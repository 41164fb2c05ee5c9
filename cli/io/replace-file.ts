/** Files of the operator's that are written: some of them while somebody else may be reading them. */
import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { ZdrError } from "../failure.ts";

/** Whoever reads it meanwhile has the old one or the new one, and never half of it. Throws what the file system says; then nothing has changed. */
export function replaceFile(path: string, text: string, mode = 0o666): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(temporary, text, { mode, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** @throws ZdrError `usage` with `hint` for what the file system says against it. */
export function writing<T>(path: string, hint: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new ZdrError({ kind: "usage", problem: `${path} could not be written: ${code}`, hint }, error);
  }
}
