/** The kinds of values that deploy.yml has, as schemas. */
import * as z from "zod/mini";
import { didYouMean } from "../closest.ts";
import { type Checked, complain } from "./rules/checked.ts";
import { type CommandUse, checkCommand } from "./rules/command.ts";
import { parseDuration } from "./rules/duration.ts";
import { checkAbsolutePath, checkLocalPath } from "./rules/paths.ts";

/** What a key is for, as `zdr explain`, the reference and editors say it. */
export function about<Schema extends z.ZodMiniType>(description: string, schema: Schema): Schema {
  z.globalRegistry.add(schema, { description });
  return schema;
}

/** A check's complaint becomes zod's issue; config/problems.ts takes it out again. */
export function checkedBy<Inner extends z.ZodMiniType, Output>(
  inner: Inner,
  check: (value: z.output<Inner>) => Checked<Output>,
) {
  return z.pipe(
    inner,
    z.transform((value, context): Output => {
      const checked = check(value);
      if ("ok" in checked) return checked.ok;
      const { problem, at, ...params } = checked;
      context.issues.push({ code: "custom", input: value, message: problem, path: [...(at ?? [])], params });
      return z.NEVER;
    }),
  );
}

export function choice<const Name extends string>(
  names: readonly Name[],
  suggest: (text: string, names: readonly string[]) => string | undefined = didYouMean,
) {
  const check = (text: string): Checked<Name> => {
    const name = names.find((known) => known === text);
    return name === undefined ? complain(`is none of ${names.join(", ")}`, suggest(text, names)) : { ok: name };
  };
  return checkedBy(oneOf(names), check);
}

/** Text; the names that it may be are for editors alone. */
export function oneOf(names: readonly string[]) {
  const text = z.string();
  z.globalRegistry.add(text, { enum: [...names] });
  return text;
}

/** Milliseconds. */
export function duration(least: number) {
  return checkedBy(z.union([z.string(), z.number()]), (input) => {
    const parsed = parseDuration(input);
    return "ok" in parsed && parsed.ok < least ? complain("must be longer than nothing") : parsed;
  });
}

/** One value counts as a list of one; nothing as an empty list. */
export function oneOrMany<Inner extends z.ZodMiniType>(inner: Inner) {
  return z._default(
    z.pipe(
      z.union([inner, z.array(inner)]),
      z.transform((value): z.output<Inner>[] => (Array.isArray(value) ? value : [value])),
    ),
    [],
  );
}

export function command(use: CommandUse) {
  return checkedBy(z.union([z.string(), z.array(textAsWritten())]), (input) => checkCommand(input, use));
}

/** Text for a program: `PORT: 8080` needs no quotes, and config.ts has put back what YAML took for a number. */
export function textAsWritten() {
  return z.pipe(z.union([z.string(), z.number(), z.boolean()]), z.transform(String));
}

export function wholeNumber(least: number, most: number) {
  return z.int().check(z.minimum(least), z.maximum(most));
}

export const port = () => wholeNumber(1, 65_535);
export const localPath = () => checkedBy(z.string(), checkLocalPath);
export const keyFiles = () => oneOrMany(localPath());
export const nodePath = () => checkedBy(z.string(), checkAbsolutePath);

export function notBlank(text: string): Checked<string> {
  return text.trim() === "" ? complain("is empty") : { ok: text };
}

export function variableToRead(name: string): Checked<string> {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? { ok: name } : complain("is no name of an environment variable");
}

export function notEmpty(problem: string) {
  return (context: z.core.ParsePayload<Record<string, unknown>>) => {
    if (Object.keys(context.value).length > 0) return;
    context.issues.push({ code: "custom", input: context.value, message: problem });
  };
}
