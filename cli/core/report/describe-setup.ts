/** What `zdr setup` did on a host, and what only an administrator can do there. */
import type { SetupResult } from "../../../agent/wire/setup.ts";
import { sanitize, sanitizeLines } from "./sanitize.ts";

/** Text that ends in a newline. What an administrator must put where stands last, ready to paste. */
export function describeSetup(host: string, result: SetupResult): string {
  const lines = [
    ...result.done.map((done) => `${host}: ${sanitize(done)}`),
    ...result.findings.map(({ program, finding }) =>
      sanitize(`${host}: ${program}: ${finding.level}: ${finding.text}; fix: ${finding.fix}`),
    ),
    ...result.administrator.flatMap((need) => administratorLines(host, need)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function administratorLines(host: string, { why, commands, file }: SetupResult["administrator"][number]): string[] {
  return [
    "",
    `${host}: for an administrator: ${sanitize(why)}`,
    ...(file === undefined
      ? []
      : ["", `# ${sanitize(file.path)}`, ...sanitizeLines(file.content).replace(/\n$/, "").split("\n")]),
    ...(commands.length === 0 ? [] : ["", ...commands.map(sanitize)]),
  ];
}
