/**
 * Rules that take more than one place of deploy.yml to see. They look at every part that is right by itself, so that one
 * run tells all that is wrong.
 */
import type * as z from "zod/mini";
import { mappingOf } from "./mapping.ts";
import type { Finding } from "./problems.ts";
import { type Complaint, complain } from "./rules/checked.ts";
import { hostOfUrl, isLoopbackUrl } from "./rules/urls.ts";
import type { configSchema, FileConfig, HostConfig, ProgramConfig } from "./schema.ts";

/** Strategies by which somebody else than the program opens its sockets. */
const LISTENING: ReadonlySet<string> = new Set(["socket", "bluegreen", "rolling"]);

type Schema = ReturnType<typeof configSchema>;

/** A part that is right, and where it stands. */
interface Part<T> {
  readonly path: readonly PropertyKey[];
  readonly value: T;
}

interface Parts {
  /** What is wrong about there being no hosts. */
  readonly noHosts?: Pick<Finding, "on" | "problem"> | undefined;
  readonly deployTo?: string;
  readonly hosts: readonly Part<HostConfig>[];
  readonly shared: readonly Part<string>[];
  readonly programs: readonly Part<ProgramConfig>[];
}

export function crossFindings(parts: Parts): Finding[] {
  const { deployTo, noHosts, hosts, shared, programs } = parts;
  return [
    ...(noHosts === undefined ? [] : [{ path: ["hosts"], ...noHosts }]),
    ...hostFindings(hosts),
    ...sharedFindings(shared),
    ...processFindings(programs),
    ...programs.flatMap((program) => programFindings(program, deployTo)),
    ...programs.flatMap((program) => healthFindings(program, hosts)),
  ];
}

/** Of a config that is right in every part. */
export function partsOf({ deploy_to, hosts, inventory, shared, programs }: FileConfig, data: unknown): Parts {
  return {
    noHosts: hosts.length > 0 || inventory !== undefined ? undefined : whyNoHosts(mappingOf(data).hosts),
    deployTo: deploy_to,
    hosts: eachHost(placed(hosts.entries(), ["hosts"])),
    shared: [
      ...placed(shared.dirs.entries(), ["shared", "dirs"]),
      ...placed(shared.files.entries(), ["shared", "files"]),
    ],
    programs: placed(Object.entries(programs), ["programs"]),
  };
}

/** A list of them that is wrong otherwise is told of as that. */
function whyNoHosts(written: unknown): Parts["noHosts"] {
  if (written === undefined) return { on: "key", problem: "is missing" };
  return Array.isArray(written) && written.length === 0 ? { on: "value", problem: "is empty" } : undefined;
}

/** What is right in data that as a whole is not. */
export function rightPartsOf({ shape }: Schema, data: unknown): Parts {
  const root = mappingOf(data);
  const sharedRoot = mappingOf(root.shared);
  const { dirs, files } = shape.shared.def.innerType.def.shape;
  const deployTo = shape.deploy_to.safeParse(root.deploy_to);
  return {
    ...(deployTo.success && { deployTo: deployTo.data }),
    noHosts: root === data && root.inventory === undefined ? whyNoHosts(root.hosts) : undefined,
    hosts: eachHost(right(shape.hosts.def.innerType.def.element, list(root.hosts).entries(), ["hosts"])),
    shared: [
      ...right(dirs.def.innerType.def.element, list(sharedRoot.dirs).entries(), ["shared", "dirs"]),
      ...right(files.def.innerType.def.element, list(sharedRoot.files).entries(), ["shared", "files"]),
    ],
    programs: right(shape.programs.def.valueType, Object.entries(mappingOf(root.programs)), ["programs"]),
  };
}

/** An entry may stand for many hosts. */
function eachHost(entries: readonly Part<readonly HostConfig[]>[]): Part<HostConfig>[] {
  return entries.flatMap(({ path, value }) => value.map((host) => ({ path, value: host })));
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
function sharedFindings(parts: readonly Part<string>[]): Finding[] {
  const all = new Set(parts.map(({ value }) => value));
  const seen = new Set<string>();
  return parts.flatMap((part) => {
    if (seen.has(part.value)) return [about(part, "is named twice")];
    seen.add(part.value);
    const outer = foldersAbove(part.value).find((folder) => all.has(folder));
    return outer === undefined ? [] : [about(part, `is inside "${outer}", which is shared already`)];
  });
}

function foldersAbove(path: string): string[] {
  const steps = path.split("/");
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
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
  const members = membersComplaint(program.value);
  if (members !== undefined) return [{ path: program.path, on: "value", ...members }];
  const listening = listenComplaint(program.value);
  if (listening !== undefined) return [{ path: program.path, on: "value", ...listening }];
  const [first = ""] = command;
  if (["slot", "watch"].includes(reload.strategy) && isOutside(first, deployTo)) {
    return [
      {
        path,
        on: "value",
        ...complain(
          `is not in the release, but ${reload.preset ?? `strategy ${reload.strategy}`} takes a new release by its own file`,
        ),
      },
    ];
  }
  return [];
}

/** What supervisor runs as several processes is named by its group, and nothing else is. */
function membersComplaint({ reload: { strategy }, process, members, listen }: ProgramConfig): Complaint | undefined {
  const isGroup = process?.endsWith(":*") === true;
  if (strategy !== "bluegreen" && strategy !== "rolling") {
    if (members !== undefined) return complain("has members, which only bluegreen and rolling have");
    if (!isGroup) return undefined;
    return complain(`has process: ${process}, a whole group`, "name one process, as supervisorctl status shows it");
  }
  if (process !== undefined && !isGroup) {
    const suggestion = `name their group: ${process.split(":")[0]}:*`;
    return complain(`has process: ${process}, but strategy ${strategy} is for several processes`, suggestion);
  }
  if (strategy === "bluegreen" && members !== undefined && members !== 2) {
    return complain(`has ${members} members, but bluegreen is for two`, "reload: rolling is for more");
  }
  if (listen.length > 1) return complain("has more than one address in listen, and supervisord opens one socket");
  const [address] = listen;
  if (address === undefined || "path" in address || !address.host.includes(":")) return undefined;
  return complain("has an IPv6 address in listen, which supervisord can not open", "an IPv4 address, or unix:/path");
}

/** Where the keeper listens, and what asks a program to reload, must be known in one way or another. */
function listenComplaint({ reload: { strategy, url }, listen, health }: ProgramConfig): Complaint | undefined {
  if (strategy === "socket" && listen.length === 0) {
    return complain("has no listen, which strategy socket hands to the program", 'such as listen: "127.0.0.1:8080"');
  }
  if (!LISTENING.has(strategy) && listen.length > 0) {
    return complain("has listen, which only strategies socket, bluegreen and rolling do for it");
  }
  if (new Set(listen.map((address) => JSON.stringify(address))).size < listen.length) {
    return complain("has one address twice in listen");
  }
  if (strategy === "http" && url === undefined && health === undefined) {
    return complain("has neither reload.url nor health.http, beside which /graceful is asked");
  }
  return undefined;
}

function isOutside(first: string, deployTo: string | undefined): boolean {
  if (!first.startsWith("/")) return false;
  return deployTo === undefined || !first.startsWith(`${deployTo}/current/`);
}

/** The URL is asked on each host: on another machine than the program's it would prove nothing about it. */
function healthFindings(program: Part<ProgramConfig>, hosts: readonly Part<HostConfig>[]): Finding[] {
  const { http: url, socket } = program.value.health ?? {};
  if (url === undefined || socket !== undefined || isLoopbackUrl(url)) return [];
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

type Entries<T> = Iterable<readonly [PropertyKey, T]>;

function placed<T>(entries: Entries<T>, path: readonly PropertyKey[]): Part<T>[] {
  return Array.from(entries, ([key, value]) => ({ path: [...path, key], value }));
}

function right<S extends z.ZodMiniType>(
  schema: S,
  entries: Entries<unknown>,
  path: readonly PropertyKey[],
): Part<z.output<S>>[] {
  return placed(entries, path).flatMap((part) => {
    const parsed = schema.safeParse(part.value);
    return parsed.success ? [{ path: part.path, value: parsed.data }] : [];
  });
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
