/** The keys that a schema knows, for suggestions and for whoever documents them. */
import * as z from "zod/mini";

/** From the root: `["programs", "*", "health", "http"]`; `*` is any key of a record or any item of a list. */
export type KeyPath = readonly string[];

export interface SchemaKey {
  readonly path: KeyPath;
  readonly description?: string;
}

/** Every key of the schema, parents before children. */
export function schemaKeys(schema: z.core.$ZodType, path: KeyPath = []): SchemaKey[] {
  return branchesOf(schema).flatMap((branch) => {
    const { def } = branch._zod;
    if (def.type === "array") return schemaKeys(def.element, [...path, "*"]);
    if (def.type === "record") return schemaKeys(def.valueType, [...path, "*"]);
    if (def.type !== "object") return [];
    return Object.entries(def.shape).flatMap(([key, value]) => {
      const here = [...path, key];
      const description = descriptionOf(value);
      return [{ path: here, ...(description && { description }) }, ...schemaKeys(value, here)];
    });
  });
}

/** The keys that a mapping at `path` of the data may have; empty where it may have any, or where none is expected. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const [step, ...rest] = path;
  return branchesOf(schema).flatMap((branch) => {
    const { def } = branch._zod;
    if (def.type === "object") {
      if (step === undefined) return Object.keys(def.shape);
      const inner = def.shape[String(step)];
      return inner === undefined ? [] : keysAt(inner, rest);
    }
    if (step === undefined) return [];
    if (def.type === "array") return keysAt(def.element, rest);
    return def.type === "record" ? keysAt(def.valueType, rest) : [];
  });
}

/** What stands behind optional, default, transforms and unions: what can be written in the file. */
function branchesOf(schema: z.core.$ZodType): z.core.$ZodTypes[] {
  const known = schema as z.core.$ZodTypes;
  const { def } = known._zod;
  if (def.type === "optional" || def.type === "default" || def.type === "prefault") return branchesOf(def.innerType);
  if (def.type === "pipe") return branchesOf(def.in);
  if (def.type === "union") return def.options.flatMap(branchesOf);
  return [known];
}

function descriptionOf(schema: z.core.$ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.description;
}
