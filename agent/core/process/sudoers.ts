/** The one line that lets the deploying user's agent look into processes of other users. */

/** Where `setup` has an administrator put the helper. Not in deploy_to: every folder above it must be root's alone. */
export const PROVE_FILE = "/usr/local/lib/zdr/prove.cjs";
/** Where that line goes; sudo reads only names without a dot in this folder. */
export const SUDOERS_FILE = "/etc/sudoers.d/zdr-prove";
/** Starts the helper without the caller's environment: NODE_OPTIONS could otherwise load code of his into root's Node. */
const ENV = "/usr/bin/env";

/** argv that sudo runs as root: exactly this, no argument more. */
export function proveCommand(nodePath: string, proveFile: string = PROVE_FILE): string[] {
  return [ENV, "-i", nodePath, proveFile];
}

/**
 * One line for a file in /etc/sudoers.d (sudoers(5)), without a newline. `nodePath` is absolute; it must be root's, with
 * all folders above it, which the caller checks (`isTrustedPath`): the line gives root to whoever can write that file.
 * Undefined: the user's name or a path holds what sudoers would read as something else (`ALL`, `%group`, a pattern).
 */
export function sudoersLine(user: string, nodePath: string, proveFile: string = PROVE_FILE): string | undefined {
  const isPlain = /^[a-z_][a-z0-9_.-]*\$?$/.test(user) && [nodePath, proveFile].every(isPlainPath);
  return isPlain ? `${user} ALL=(root) NOPASSWD: ${proveCommand(nodePath, proveFile).join(" ")}` : undefined;
}

/** sudoers gives a meaning to blank \ , : = ! * ? [ ] ( ) # " ; a dot segment would not be where it was checked. */
function isPlainPath(path: string): boolean {
  return /^(\/[A-Za-z0-9_@+.-]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path);
}
