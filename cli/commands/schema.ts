/** `zdr schema` and `zdr explain [KEY]`: what deploy.yml may say. */
import { didYouMean } from "../core/closest.ts";
import { configJsonSchema } from "../core/config/json-schema.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { findKey, type KeyInfo, keysOf } from "../core/reference/keys.ts";
import { ZdrError } from "../failure.ts";
import type { Run } from "../run.ts";

export async function schema(run: Run): Promise<ExitCode> {
  const made = configJsonSchema();
  run.output.result(`${JSON.stringify(made, null, 2)}\n`, made);
  return EXIT.done;
}

export async function explainKey(run: Run, written: string | undefined): Promise<ExitCode> {
  const made = configJsonSchema();
  if (written === undefined) {
    const top = keysOf(made).filter(({ path }) => !path.includes("."));
    run.output.result(listed(top), top);
    return EXIT.done;
  }
  const answer = findKey(made, written);
  if (answer.kind === "unknown") throw unknown(written, answer.known);
  const { key, children } = answer;
  const below = children.length === 0 ? "" : `\n${listed(children)}`;
  run.output.result(`${described(key)}${below}`, { key, children });
  return EXIT.done;
}

function described({ path, help, type, isRequired, default: written }: KeyInfo): string {
  const facts = [
    type,
    ...(isRequired ? ["must be given"] : []),
    ...(written === undefined ? [] : [`default: ${written}`]),
  ];
  return `${path}\n  ${help}\n  ${facts.filter((fact) => fact !== "").join("; ")}\n`;
}

function listed(keys: readonly KeyInfo[]): string {
  const width = Math.max(...keys.map(({ path }) => path.length));
  return keys.map(({ path, help }) => `${path.padEnd(width)}  ${help}\n`).join("");
}

function unknown(written: string, known: readonly string[]): ZdrError {
  const last = known.map((path) => path.split(".").at(-1) ?? "");
  const several = known.length < SEVERAL ? `there are: ${known.join(", ")}` : undefined;
  const hint = several ?? didYouMean(written, [...known, ...last]) ?? "see the keys at the top: zdr explain";
  return new ZdrError({ kind: "usage", problem: `deploy.yml has no key ${JSON.stringify(written)}`, hint });
}

/** So many may be named in a hint. */
const SEVERAL = 8;
