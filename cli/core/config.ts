/** deploy.yml: text -> checked config, or all that is wrong with it, each with its place. */
import { dirname } from "node:path";
import { type ConfigProblem, type SourcePlace, ZdrError } from "../failure.ts";
import { crossFindings, partsOf, rightPartsOf } from "./config/checks.ts";
import { type Finding, findingsOf, PROBLEMS_SHOWN, valueAt } from "./config/problems.ts";
import { configSchema, type FileConfig } from "./config/schema.ts";
import { readYaml, type YamlSource } from "./config/yaml-source.ts";
import { Secret } from "./secret.ts";

/** A checked deploy.yml, keys as there, times in milliseconds; with no secret that must still be looked up. */
export type Config = Omit<FileConfig, "supervisor"> & {
  /** What messages call the file. */
  readonly file: string;
  /** Where it stands: what its relative paths start from, and where `build.run` runs. */
  readonly folder: string;
  readonly supervisor: Omit<FileConfig["supervisor"], "password"> & { readonly password?: Secret };
};

type Environment = Readonly<Record<string, string | undefined>>;

export interface ParsedConfig {
  readonly config: Config;
  /** Of a value, for problems that only the disk or a host can show: `["build", "path"]`. */
  placeOf(path: readonly PropertyKey[]): SourcePlace;
}

/**
 * @param file what the problems call the file.
 * @param environment where `{ env: NAME }` is looked up.
 * @throws ZdrError `config`, with every problem (up to PROBLEMS_SHOWN) in the order of the file.
 */
export function parseConfig(text: string, file: string, environment: Environment = {}): ParsedConfig {
  const source = readYaml(text, isWrittenText);
  const schema = configSchema();
  if (source.syntax.length > 0) throw refused(source.syntax.map((found) => syntaxProblem(found, file)));
  if (source.data === null)
    throw refused([{ place: { file, line: 1, column: 1 }, path: "", problem: "the file is empty" }]);
  // Compiling the schema first costs more than checking one small file without.
  const parsed = schema.safeParse(source.data, { jitless: true });
  const findings = [
    ...source.findings,
    ...(parsed.error === undefined ? [] : findingsOf(parsed.error.issues, source.data, schema)),
    ...crossFindings(parsed.success ? partsOf(parsed.data) : rightPartsOf(schema, source.data)),
    ...missingSecrets(source.data, environment),
  ];
  if (findings.length > 0 || !parsed.success)
    throw refused(findings.slice(0, PROBLEMS_SHOWN).map((found) => configProblem(found, file, source)));
  return {
    config: { ...withSecrets(parsed.data, environment), file, folder: dirname(file) },
    placeOf: (path) => ({ file, ...source.placeOf({ path, on: "value" }) }),
  };
}

/** `programs.shop.hosts[1]`, as people write it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, "");
}

/** Where numbers are text for a program: `PORT: 8080` is "8080", `VERSION: 1.10` is "1.10". */
function isWrittenText(path: readonly PropertyKey[]): boolean {
  const [section, , key] = path;
  return path.length === 4 && section === "programs" && (key === "environment" || key === "command" || key === "check");
}

function missingSecrets(data: unknown, environment: Environment): Finding[] {
  const path = ["supervisor", "password", "env"];
  const name = valueAt(data, path);
  if (typeof name !== "string" || (environment[name] ?? "") !== "") return [];
  return [{ path, on: "value", problem: "names a variable that is not set in the environment of zdr" }];
}

function withSecrets(config: FileConfig, environment: Environment): Omit<Config, "file" | "folder"> {
  const { password, ...supervisor } = config.supervisor;
  if (password === undefined) return { ...config, supervisor };
  const secret = password instanceof Secret ? password : new Secret(environment[password.env] ?? "");
  return { ...config, supervisor: { ...supervisor, password: secret } };
}

/** Each problem once, in the order of the file. */
function refused(problems: readonly ConfigProblem[]): ZdrError {
  const line = ({ place }: ConfigProblem) => place?.line ?? 0;
  const column = ({ place }: ConfigProblem) => place?.column ?? 0;
  const once = new Map(
    problems.map((found) => [`${line(found)}:${column(found)} ${found.path}: ${found.problem}`, found]),
  );
  return new ZdrError({
    kind: "config",
    problems: [...once.values()].sort((a, b) => line(a) - line(b) || column(a) - column(b)),
  });
}

function syntaxProblem({ line, column, ...words }: YamlSource["syntax"][number], file: string): ConfigProblem {
  return { place: { file, line, column }, path: "", ...words };
}

function configProblem(finding: Finding, file: string, source: YamlSource): ConfigProblem {
  const { problem, suggestion } = finding;
  const place = { file, ...source.placeOf(finding) };
  return { place, path: pathText(finding.path), problem, ...(suggestion === undefined ? {} : { suggestion }) };
}
