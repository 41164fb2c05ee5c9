/** Files of the operator's that somebody else may be reading. */
import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";

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
