/**
 * Rules that take more than one place of deploy.yml to see. They look at every part that is right by itself, so that one
 * run tells all that is wrong.
 */
import type { z } from "zod";
import type { configSchema, HostConfig, ProgramConfig } from "../config-schema.ts";
import { complain } from "./checked.ts";
import type { Finding } from "./problems.ts";
import { hostOfUrl, isLoopbackUrl } from "./urls.ts";

type Schema = ReturnType<typeof configSchema>;

/** A part that is right, and where it stands. */
interface Part<T> {
  readonly path: readonly PropertyKey[];
  readonly value: T;
}

export function crossFindings(schema: Schema, data: unknown): Finding[] {
  const root = isMapping(data) ? data : {};
  const { shape } = schema;
  const deployTo = shape.deploy_to.safeParse(root.deploy_to);
  const hosts = itemsOf(shape.hosts.element, root.hosts, ["hosts"]);
  const programs = valuesOf(shape.programs.valueType, root.programs, ["programs"]);
  return [
    ...hostFindings(hosts),
    ...sharedFindings(schema, root.shared),
    ...processFindings(programs),
    ...programs.flatMap((program) => programFindings(program, deployTo.success ? deployTo.data : undefined)),
    ...programs.flatMap((program) => healthFindings(program, hosts)),
  ];
}

function hostFindings(hosts: readonly Part<HostConfig>[]): Finding[] {
  const byName = new Map<string, Part<HostConfig>>();
  const byMachine = new Map<string, Part<HostConfig>>();
  return hosts.flatMap((host) => {
    const { name } = host.value;
    if (byName.has(name)) return [about(host, `is a second host named ${name}`, "give one of them a name of its own")];
    const same = byMachine.get(machineOf(host.value));
    if (same !== undefined) return [about(host, `is the same machine as ${same.value.name}`)];
    byName.set(name, host);
    byMachine.set(machineOf(host.value), host);
    return [];
  });
}

function machineOf(host: HostConfig): string {
  return host.kind === "local" ? "" : `${host.address.toLowerCase()} ${host.port ?? ""}`;
}

/** A link inside a linked folder would be written into the shared folder itself. */
function sharedFindings(schema: Schema, shared: unknown): Finding[] {
  const sections = isMapping(shared) ? shared : {};
  const { dirs, files } = schema.shape.shared.unwrap().shape;
  const parts = [
    ...itemsOf(dirs.unwrap().element, sections.dirs, ["shared", "dirs"]),
    ...itemsOf(files.unwrap().element, sections.files, ["shared", "files"]),
  ];
  return parts.flatMap((part, index) => {
    const isSame = parts.slice(0, index).some((earlier) => earlier.value === part.value);
    if (isSame) return [about(part, "is named twice")];
    const outer = parts.find((other) => part.value.startsWith(`${other.value}/`));
    return outer === undefined ? [] : [about(part, `is inside "${outer.value}", which is shared already`)];
  });
}

function processFindings(programs: readonly Part<ProgramConfig>[]): Finding[] {
  const seen = new Map<string, string>();
  return programs.flatMap((program) => {
    const name = String(program.path.at(-1));
    const nameInSupervisor = program.value.process ?? name;
    const other = seen.get(nameInSupervisor);
    if (other !== undefined) return [about(program, `is the same process of supervisor as ${other}`)];
    seen.set(nameInSupervisor, name);
    return [];
  });
}

function programFindings(program: Part<ProgramConfig>, deployTo: string | undefined): Finding[] {
  const { command, reload } = program.value;
  const path = [...program.path, "command"];
  const pinned = command.some(
    (word) =>
      word.includes("{deploy_to}/releases/") || (deployTo !== undefined && word.includes(`${deployTo}/releases/`)),
  );
  if (pinned) {
    return [
      { path, on: "value", ...complain("names a release, and would start it for ever", "write {current} instead") },
    ];
  }
  const [first = ""] = command;
  if (reload.strategy === "slot" && isOutside(first, deployTo)) {
    return [
      {
        path,
        on: "value",
        ...complain(
          `is not in the release, but ${reload.preset ?? "strategy slot"} takes a new release by its own file`,
        ),
      },
    ];
  }
  return [];
}

function isOutside(first: string, deployTo: string | undefined): boolean {
  if (!first.startsWith("/")) return false;
  return deployTo === undefined || !first.startsWith(`${deployTo}/current/`);
}

/** The URL is asked on each host: on another machine than the program's it would prove nothing about it. */
function healthFindings(program: Part<ProgramConfig>, hosts: readonly Part<HostConfig>[]): Finding[] {
  const url = program.value.health?.http;
  if (url === undefined || isLoopbackUrl(url)) return [];
  const [only, ...others] = hosts;
  const isOwn = only?.value.kind === "ssh" && others.length === 0 && only.value.address === hostOfUrl(url);
  if (isOwn) return [];
  const path = [...program.path, "health", "http"];
  return [
    {
      path,
      on: "value",
      ...complain("is asked on each host itself, and names another machine", "write 127.0.0.1 for the host itself"),
    },
  ];
}

function about(part: Part<unknown>, problem: string, suggestion?: string): Finding {
  return { path: part.path, on: "value", ...complain(problem, suggestion) };
}

function itemsOf<S extends z.ZodType>(schema: S, list: unknown, path: readonly PropertyKey[]): Part<z.output<S>>[] {
  return Array.isArray(list) ? partsOf(schema, [...list.entries()], path) : [];
}

function valuesOf<S extends z.ZodType>(schema: S, mapping: unknown, path: readonly PropertyKey[]): Part<z.output<S>>[] {
  return isMapping(mapping) ? partsOf(schema, Object.entries(mapping), path) : [];
}

function partsOf<S extends z.ZodType>(
  schema: S,
  entries: readonly (readonly [PropertyKey, unknown])[],
  path: readonly PropertyKey[],
): Part<z.output<S>>[] {
  return entries.flatMap(([key, value]) => {
    const parsed = schema.safeParse(value);
    return parsed.success ? [{ path: [...path, key], value: parsed.data }] : [];
  });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
