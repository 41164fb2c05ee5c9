/** Values that a schema of the wire accepts, with whatever is put in the place of texts and numbers. */
import fc from "fast-check";
import type * as z from "zod/mini";
import { ManifestEntries, type ManifestEntry } from "../../../agent/wire/release.ts";
import { counts } from "../../../agent/wire/scalars.ts";

export interface Scalars {
  readonly text: fc.Arbitrary<string>;
  /** Integers from 0 on. */
  readonly natural: fc.Arbitrary<number>;
  readonly number: fc.Arbitrary<number>;
}

type Definition = Readonly<Record<string, unknown>> & { readonly type: string };
const LIST_LENGTH = 3;

/**
 * Made by walking the schema itself, so that no field is forgotten, also none that comes later. Where a schema is looser than it
 * looks (a check that is no range), the caller filters by it.
 */
export function valuesOf(schema: z.core.$ZodType, scalars: Scalars): fc.Arbitrary<unknown> {
  const definition = schema._zod.def as unknown as Definition;
  const inner = (key: string) => valuesOf(definition[key] as z.core.$ZodType, scalars);
  switch (definition.type) {
    case "string":
      return hasChecks(definition) ? scalars.text.filter((text) => isAccepted(schema, text)) : scalars.text;
    case "number":
      return fc.oneof(
        ...[scalars.natural, ...(hasChecks(definition) ? [] : [scalars.number])].map((numbers) =>
          numbers.filter((value) => isAccepted(schema, value)),
        ),
      );
    case "boolean":
      return fc.boolean();
    case "unknown":
      return fc.jsonValue();
    case "literal":
      return fc.constantFrom(...(definition.values as unknown[]));
    case "enum":
      return fc.constantFrom(...Object.values(definition.entries as Record<string, unknown>));
    case "array":
      return fc.array(inner("element"), { maxLength: LIST_LENGTH }).filter((list) => isAccepted(schema, list));
    case "record":
      return fc.dictionary(scalars.text, inner("valueType"), { maxKeys: LIST_LENGTH });
    case "optional":
      return inner("innerType");
    case "nullable":
      return fc.option(inner("innerType"), { nil: null });
    case "tuple":
      return fc.tuple(...(definition.items as z.core.$ZodType[]).map((item) => valuesOf(item, scalars)));
    case "lazy":
      return valuesOf((definition.getter as () => z.core.$ZodType)(), scalars);
    case "union":
      return fc.oneof(...(definition.options as z.core.$ZodType[]).map((option) => valuesOf(option, scalars)));
    case "object":
      return objectsOf(definition.shape as Record<string, z.core.$ZodType>, scalars);
    case "custom":
      return lookedAtByHand(schema, scalars);
    default:
      throw new Error(`no values are known for schemas of type ${definition.type}`);
  }
}

function lookedAtByHand(schema: z.core.$ZodType, { text, natural }: Scalars): fc.Arbitrary<unknown> {
  if (schema === counts) return fc.array(natural, { maxLength: LIST_LENGTH });
  if (schema !== ManifestEntries) throw new Error("no values are known for this schema");
  const file = { type: fc.constant("file" as const), path: text, mode: natural, size: natural, sha256: text };
  const folder = { type: fc.constant("dir" as const), path: text, mode: natural };
  const link = { type: fc.constant("link" as const), path: text, target: text };
  const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(fc.record(file), fc.record(folder), fc.record(link));
  return fc.array(entry, { maxLength: LIST_LENGTH });
}

function objectsOf(shape: Record<string, z.core.$ZodType>, scalars: Scalars): fc.Arbitrary<unknown> {
  const required: string[] = [];
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, field] of Object.entries(shape)) {
    fields[key] = valuesOf(field, scalars);
    if ((field._zod.def as unknown as Definition).type !== "optional") required.push(key);
  }
  return fc.record(fields, { requiredKeys: required, noNullPrototype: true });
}

function hasChecks({ checks }: Definition): boolean {
  return Array.isArray(checks) && checks.length > 0;
}

function isAccepted(schema: z.core.$ZodType, value: unknown): boolean {
  return (schema as z.ZodMiniType).safeParse(value).success;
}
