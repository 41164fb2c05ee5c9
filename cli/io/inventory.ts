/** `inventory:` of deploy.yml: hosts out of another tool's list, read from its file or from what a command prints. */
import { execFileSync, type SpawnSyncReturns } from "node:child_process";
import { readFileSync } from "node:fs";
import { findingsOf } from "../core/config/problems.ts";
import { configSchema, type HostConfig } from "../core/config/schema.ts";
import { readYaml } from "../core/config/yaml-source.ts";
import { pathText } from "../core/config.ts";
import {
  type AnsibleInventory,
  ansibleEntries,
  ansibleIni,
  ansibleYaml,
  type HostEntry,
} from "../core/inventory/ansible.ts";
import { entriesOfOutput } from "../core/inventory/entries.ts";
import { type ConfigProblem, type SourcePlace, ZdrError } from "../failure.ts";

/** An inventory may be asked of a cloud. */
export const INVENTORY_TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;

export interface InventoryQuestion {
  readonly ansible?: string | undefined;
  readonly command?: string | undefined;
  readonly groups: readonly string[];
  /** Where the command runs. */
  readonly folder: string;
  /** Where `inventory:` stands, for problems of the command. */
  readonly place: SourcePlace;
}

/** @throws ZdrError `config` for a list that can not be had, or names hosts that can not be. */
export function readInventory({ ansible, command, groups, folder, place }: InventoryQuestion): HostConfig[] {
  const hosts = [
    ...(ansible === undefined ? [] : hostsOf(readAnsible(ansible), { file: ansible, line: 1, column: 1 }, ansible)),
    ...(command === undefined ? [] : hostsOf(runCommand(command, folder, place), place, command)),
  ];
  return groups.length === 0 ? hosts : hosts.filter(({ roles }) => roles.some((role) => groups.includes(role)));
}

function readAnsible(file: string): HostEntry[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw refused(`the inventory ${file} can not be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const inventory = /\.(?:ya?ml|json)$/i.test(file) ? yamlOf(text, file) : ansibleIni(text);
  if ("problem" in inventory) throw refused(inventory.problem, { file, line: inventory.line, column: 1 });
  return ansibleEntries(inventory);
}

function yamlOf(text: string, file: string): AnsibleInventory {
  const { data, syntax } = readYaml(text, () => false);
  const [first] = syntax;
  if (first !== undefined) throw refused(first.problem, { file, line: first.line, column: first.column });
  return ansibleYaml(data);
}

function runCommand(command: string, folder: string, place: SourcePlace): HostEntry[] {
  let output: string;
  try {
    output = execFileSync("/bin/sh", ["-c", command], {
      ...{ cwd: folder, encoding: "utf8", timeout: INVENTORY_TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT_BYTES },
      stdio: ["ignore", "pipe", "inherit"],
    });
  } catch (error) {
    const { status, code, signal } = error as NodeJS.ErrnoException & Partial<SpawnSyncReturns<string>>;
    const why =
      code === "ETIMEDOUT"
        ? `took longer than ${INVENTORY_TIMEOUT_MS / 1000} s`
        : `ended with ${status ?? code ?? signal}`;
    throw refused(`the inventory command ${why}: ${command}`, place, "try it by hand");
  }
  const entries = entriesOfOutput(output);
  if ("problem" in entries) throw refused(`the inventory command ${entries.problem}: ${command}`, place);
  return entries;
}

/** Each entry is held to the same rules as one in deploy.yml. */
function hostsOf(entries: readonly HostEntry[], place: SourcePlace, source: string): HostConfig[] {
  const schema = configSchema().shape.hosts.def.innerType.def.element;
  const problems: ConfigProblem[] = [];
  const hosts = entries.flatMap((entry) => {
    const parsed = schema.safeParse(entry, { jitless: true });
    if (parsed.success) return parsed.data;
    const name = typeof entry === "string" ? entry : String(entry.name ?? entry.address ?? "a host without a name");
    const [found] = findingsOf(parsed.error.issues, entry, schema);
    const where = found === undefined || found.path.length === 0 ? "" : ` ${pathText(found.path)}`;
    const problem = `the inventory's host ${JSON.stringify(name)}${where} ${found?.problem ?? "is not valid"}`;
    problems.push({ place, path: "", problem, ...(found?.suggestion && { suggestion: found.suggestion }) });
    return [];
  });
  if (problems.length > 0) throw new ZdrError({ kind: "config", problems });
  if (hosts.length === 0) throw refused(`the inventory has no hosts: ${source}`, place);
  return hosts;
}

function refused(problem: string, place?: SourcePlace, suggestion?: string): ZdrError {
  const found = {
    path: "",
    problem,
    ...(place === undefined ? {} : { place }),
    ...(suggestion === undefined ? {} : { suggestion }),
  };
  return new ZdrError({ kind: "config", problems: [found] });
}
