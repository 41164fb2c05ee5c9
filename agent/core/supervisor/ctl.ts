/** supervisorctl, in commands that people paste. */

/** supervisorctl finds these by itself (options.py); for any other file it must be told. */
const FOUND_CONFIGS = new Set(["/etc/supervisor/supervisord.conf", "/etc/supervisord.conf"]);

/** `supervisorctl`, or with `-c` where it would find another supervisord, or none. Undefined: nobody knows which config it is. */
export function supervisorctl(configPath: string | undefined): string {
  const config = configToName(configPath);
  return config === undefined ? "supervisorctl" : `supervisorctl -c ${shellWord(config)}`;
}

/** undefined: it is found without being named. */
export function configToName(configPath: string | undefined): string | undefined {
  return configPath === undefined || FOUND_CONFIGS.has(configPath) ? undefined : configPath;
}

/** A word for a POSIX shell, for commands that people paste. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
