/** supervisorctl, in commands that people paste. */

/** supervisorctl finds these by itself (options.py); for any other file it must be told. */
const FOUND_CONFIGS = new Set(["/etc/supervisor/supervisord.conf", "/etc/supervisord.conf"]);

/** `supervisorctl`, or with `-c` where it would find another supervisord, or none. Undefined: nobody knows which config it is. */
export function supervisorctl(configPath: string | undefined): string {
  const isFound = configPath === undefined || FOUND_CONFIGS.has(configPath);
  return isFound ? "supervisorctl" : `supervisorctl -c ${shellWord(configPath)}`;
}

/** A word for a POSIX shell, for commands that people paste. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
