/** deploy.yml: text -> checked config, or all that is wrong with it, each with its place. */
import { dirname } from "node:path";
import { Secret } from "../../agent/wire/secret.ts";
import { type ConfigProblem, type SourcePlace, ZdrError } from "../failure.ts";
import { crossFindings, partsOf, rightPartsOf } from "./config/checks.ts";
import { hasPart, mergeData } from "./config/overlay.ts";
import { type Finding, findingsOf, PROBLEMS_SHOWN, valueAt } from "./config/problems.ts";
import { configSchema, type FileConfig, type HostConfig } from "./config/schema.ts";
import { readYaml, type YamlSource } from "./config/yaml-source.ts";
import type { ConfigPlaces } from "./report/progress.ts";

/** A checked deploy.yml, keys as there, times in milliseconds; with no secret that must still be looked up. */
export type Config = Omit<FileConfig, "supervisor" | "hosts"> & {
  readonly hosts: readonly ConfigHost[];
  /** What messages call the file. */
  readonly file: string;
  /** Where it stands: what its relative paths start from, and where `build.run` runs. */
  readonly folder: string;
  /** Where what it names stands, for failures that only a host can show. */
  readonly places: ConfigPlaces;
  readonly supervisor: Omit<FileConfig["supervisor"], "password"> & { readonly password?: Secret };
};

/** `entry`: which one of `hosts:` it comes from, where it stands in deploy.yml itself. */
export type ConfigHost = HostConfig & { readonly entry?: number };

type Environment = Readonly<Record<string, string | undefined>>;

export interface ParsedConfig {
  readonly config: Config;
  /** Of a value, for problems that only the disk or a host can show: `["build", "path"]`. */
  placeOf(path: readonly PropertyKey[]): SourcePlace;
}

export interface ConfigFileText {
  readonly text: string;
  /** What the problems call it. */
  readonly file: string;
}

/**
 * @param environment where `{ env: NAME }` is looked up.
 * @param overlay what differs in one environment: merged over the rest, key by key.
 * @throws ZdrError `config`, with every problem (up to PROBLEMS_SHOWN) in the order of the files.
 */
export function parseConfig(
  text: string,
  file: string,
  environment: Environment = {},
  overlay?: ConfigFileText,
): ParsedConfig {
  const base: Source = { file, ...readYaml(text, isWrittenText) };
  const over = overlay === undefined ? undefined : { file: overlay.file, ...readYaml(overlay.text, isWrittenText) };
  const sources = over === undefined ? [base] : [base, over];
  const files = sources.map((source) => source.file);
  const schema = configSchema();
  const syntax = sources.flatMap((source) => source.syntax.map((found) => syntaxProblem(found, source.file)));
  if (syntax.length > 0) throw refused(syntax, files);
  if (base.data === null)
    throw refused([{ place: { file, line: 1, column: 1 }, path: "", problem: "the file is empty" }], files);
  const data = over === undefined || over.data === null ? base.data : mergeData(base.data, over.data);
  /** The file that a part comes from. */
  const sourceOf = (path: readonly PropertyKey[]) => (over !== undefined && hasPart(over.data, path) ? over : base);
  const problemOf = (found: Finding, source = sourceOf(found.path)) => configProblem(found, source);
  // Compiling the schema first costs more than checking one small file without.
  const parsed = schema.safeParse(data, { jitless: true });
  const found = [
    ...(parsed.error === undefined ? [] : findingsOf(parsed.error.issues, data, schema)),
    ...crossFindings(parsed.success ? partsOf(parsed.data, data) : rightPartsOf(schema, data)),
    ...missingSecrets(data, environment),
  ];
  const problems = [
    ...sources.flatMap((source) => source.findings.map((finding) => problemOf(finding, source))),
    ...found.slice(0, PROBLEMS_SHOWN).map((finding) => problemOf(finding)),
  ];
  if (problems.length > 0 || !parsed.success) throw refused(problems.slice(0, PROBLEMS_SHOWN), files);
  const placeOf = (path: readonly PropertyKey[]) => placeIn(sourceOf(path), { path, on: "value" });
  const hosts = hostsOf(parsed.data);
  const places = {
    hosts: placesOfHosts(hosts, (entry) => placeOf(["hosts", entry])),
    programs: Object.fromEntries(
      Object.keys(parsed.data.programs).map((name) => {
        const path = ["programs", name];
        return [name, placeIn(sourceOf(path), { path, on: "key" })];
      }),
    ),
  };
  return {
    config: { ...withSecrets(parsed.data, environment), hosts, file, folder: dirname(file), places },
    placeOf,
  };
}

type Source = YamlSource & { readonly file: string };

/** `programs.shop.hosts[1]`, as people write it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, "");
}

/** Where numbers are text: `PORT: 8080` is "8080", `VERSION: 1.10` is "1.10", `run: [chmod, 0755, …]` says 0755. `*` is any key. */
const WRITTEN_TEXT: readonly string[] = [
  ...["programs.*.environment.*", "programs.*.command.*", "programs.*.check.*", "programs.*.listen.*.mode"],
  ...["hosts.*.labels.*", "hooks.*.*.run.*"],
];

function isWrittenText(path: readonly PropertyKey[]): boolean {
  return WRITTEN_TEXT.some((pattern) => {
    const steps = pattern.split(".");
    return steps.length === path.length && steps.every((step, at) => step === "*" || step === path[at]);
  });
}

function missingSecrets(data: unknown, environment: Environment): Finding[] {
  const path = ["supervisor", "password", "env"];
  const name = valueAt(data, path);
  if (typeof name !== "string" || (environment[name] ?? "") !== "") return [];
  return [{ path, on: "value", problem: "names a variable that is not set in the environment of zdr" }];
}

function hostsOf({ hosts }: FileConfig): ConfigHost[] {
  return hosts.flatMap((entry, index) => entry.map((host) => ({ ...host, entry: index })));
}

/** A range of hosts is one entry. */
function placesOfHosts(
  hosts: readonly ConfigHost[],
  placeOf: (entry: number) => SourcePlace,
): Readonly<Record<string, SourcePlace>> {
  const known = new Map<number, SourcePlace>();
  return Object.fromEntries(
    hosts.flatMap(({ name, entry }) => {
      if (entry === undefined) return [];
      const place = known.get(entry) ?? placeOf(entry);
      known.set(entry, place);
      return [[name, place]];
    }),
  );
}

function withSecrets(
  { hosts: _, ...config }: FileConfig,
  environment: Environment,
): Omit<Config, "file" | "folder" | "hosts" | "places"> {
  const { password, ...supervisor } = config.supervisor;
  if (password === undefined) return { ...config, supervisor };
  const secret = password instanceof Secret ? password : new Secret(environment[password.env] ?? "");
  return { ...config, supervisor: { ...supervisor, password: secret } };
}

/** Each problem once, in the order of the files. */
function refused(problems: readonly ConfigProblem[], files: readonly string[]): ZdrError {
  const fileAt = ({ place }: ConfigProblem) => files.indexOf(place?.file ?? "");
  const line = ({ place }: ConfigProblem) => place?.line ?? 0;
  const column = ({ place }: ConfigProblem) => place?.column ?? 0;
  const once = new Map(
    problems.map((found) => [
      `${fileAt(found)}:${line(found)}:${column(found)} ${found.path}: ${found.problem}`,
      found,
    ]),
  );
  return new ZdrError({
    kind: "config",
    problems: [...once.values()].sort((a, b) => fileAt(a) - fileAt(b) || line(a) - line(b) || column(a) - column(b)),
  });
}

function syntaxProblem({ line, column, ...words }: YamlSource["syntax"][number], file: string): ConfigProblem {
  return { place: { file, line, column }, path: "", ...words };
}

function configProblem(finding: Finding, source: Source): ConfigProblem {
  const { problem, suggestion } = finding;
  const path = pathText(finding.path);
  return { place: placeIn(source, finding), path, problem, ...(suggestion === undefined ? {} : { suggestion }) };
}

const placeIn = ({ file, placeOf }: Source, finding: Pick<Finding, "path" | "on" | "offset">): SourcePlace => ({
  file,
  ...placeOf(finding),
});
