/** The JSON Schema of deploy.yml, made from the schema that checks it. What only a function can check is not in it. */
import * as z from "zod/mini";
import { configSchema } from "./schema.ts";

/** The keywords that stand in it. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** What may be written in the file (draft 2020-12). */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(configSchema(), { io: "input", unrepresentable: "any" });
  // Sections that may be left out whole are prefilled with nothing; an editor would offer to write that.
  const title = "deploy.yml of zdr";
  return { ...($schema === undefined ? {} : { $schema }), title, ...(rest as JsonSchema) };
}
