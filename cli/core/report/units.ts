/** Numbers as an operator reads them: always with a unit. */

const BYTE_UNITS = ["kB", "MB", "GB", "TB", "PB"] as const;

/** Decimal units, three digits: `0 B`, `999 B`, `1.23 MB`, `114 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  let value = bytes;
  let unit = "B";
  for (const next of BYTE_UNITS) {
    // 999.5 would be rounded to 1000 of the smaller unit.
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${threeDigits(value)} ${unit}`;
}

/** `11.2 MB/s`; empty where no time has passed. */
export function formatRate(bytes: number, ms: number): string {
  return ms > 0 ? `${formatBytes((bytes * 1000) / ms)}/s` : "";
}

/** `0.4 ms`, `120 ms`, `1.23 s`, `30 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number(threeDigits(ms / 1000))} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(`${minutes} min`, seconds % 60, "s");
  return withRest(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
}

/** `1 file`, `12000 files`. */
export function count(n: number, noun: string): string {
  return `${n} ${n === 1 ? noun : `${noun}s`}`;
}

function withRest(whole: string, rest: number, unit: string): string {
  return rest === 0 ? whole : `${whole} ${rest} ${unit}`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
