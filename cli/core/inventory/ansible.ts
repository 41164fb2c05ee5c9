/**
 * Ansible inventories: hosts, groups and groups of groups (Ansible, How to build your inventory). A host's groups become
 * its roles; of its variables, those that say how to reach it are taken over.
 */
import { mappingOf } from "../config/mapping.ts";
import { expandRanges } from "../config/rules/host-range.ts";

/** As it could stand under `hosts:` in deploy.yml: a word, or a mapping. */
export type HostEntry = string | Readonly<Record<string, unknown>>;

type Vars = Readonly<Record<string, unknown>>;

export interface AnsibleGroup {
  /** With the variables that stand beside each. Names may have ranges. */
  readonly hosts: ReadonlyMap<string, Vars>;
  readonly children: readonly string[];
  readonly vars: Vars;
}

export interface AnsibleInventory {
  readonly groups: ReadonlyMap<string, AnsibleGroup>;
  readonly hostvars?: ReadonlyMap<string, Vars>;
}

/** Ansible's own groups of everything, which say nothing about a host. */
const IMPLIED = new Set(["all", "ungrouped"]);

/** The hosts in the order in which they are first named. */
export function ansibleEntries({ groups, hostvars = new Map() }: AnsibleInventory): HostEntry[] {
  const found = new Map<string, { roles: Set<string>; vars: Vars; own: Vars }>();
  const parents = parentsOf(groups);
  for (const [name, group] of groups) {
    const above = lineage(name, parents);
    // The nearer a group is to the host, the more its variables count.
    const inherited = Object.assign({}, ...[...above].reverse().map((one) => groups.get(one)?.vars ?? {})) as Vars;
    for (const [pattern, own] of group.hosts) {
      for (const host of namesOf(pattern)) {
        const known = found.get(host) ?? { roles: new Set<string>(), vars: {}, own: {} };
        for (const role of above) if (!IMPLIED.has(role)) known.roles.add(role);
        known.vars = { ...known.vars, ...inherited };
        known.own = { ...known.own, ...own };
        found.set(host, known);
      }
    }
  }
  return Array.from(found, ([host, { roles, vars, own }]) =>
    entryOf(host, [...roles], { ...vars, ...own, ...hostvars.get(host) }),
  );
}

function namesOf(pattern: string): readonly string[] {
  const names = expandRanges(pattern);
  return "ok" in names ? names.ok : [pattern];
}

function parentsOf(groups: AnsibleInventory["groups"]): Map<string, string[]> {
  const parents = new Map<string, string[]>();
  for (const [name, { children }] of groups) {
    for (const child of children) parents.set(child, [...(parents.get(child) ?? []), name]);
  }
  return parents;
}

/** A group and all above it, nearest first; groups that contain each other end it. */
function lineage(group: string, parents: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const above = new Set([group]);
  for (const one of above) for (const parent of parents.get(one) ?? []) above.add(parent);
  return above;
}

function entryOf(host: string, roles: readonly string[], vars: Vars): HostEntry {
  // A name may carry the port, as in ssh's own notation; an IPv6 address may not.
  const [, bare = host, port] = /^([^:]+):(\d+)$/.exec(host) ?? [];
  const isLocal = vars.ansible_connection === "local";
  const user = vars.ansible_user ?? vars.ansible_ssh_user;
  const ownPort = vars.ansible_port ?? vars.ansible_ssh_port ?? port;
  const key = vars.ansible_ssh_private_key_file;
  const login = {
    address: vars.ansible_host ?? vars.ansible_ssh_host ?? bare,
    ...(user === undefined ? {} : { user }),
    // What is no number is refused as what it is.
    ...(ownPort === undefined ? {} : { port: /^\d+$/.test(String(ownPort)) ? Number(ownPort) : ownPort }),
    ...(key === undefined ? {} : { key }),
  };
  return { name: bare, ...(isLocal ? { address: "local" } : login), ...(roles.length > 0 ? { roles } : {}) };
}

// ---------------------------------------------------------------------------------------------------------------------
// The two ways to write one
// ---------------------------------------------------------------------------------------------------------------------

/** The INI form: `[group]`, `[group:children]`, `[group:vars]`; hosts with `key=value` behind them. */
export function ansibleIni(text: string): AnsibleInventory | { readonly problem: string; readonly line: number } {
  const groups = new Map<string, MutableGroup>();
  const groupOf = (name: string) => {
    const group: MutableGroup = groups.get(name) ?? { hosts: new Map(), children: [], vars: {} };
    groups.set(name, group);
    return group;
  };
  let group = groupOf("ungrouped");
  let kind = "hosts";
  for (const [index, written] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const words = wordsOf(written);
    const [first] = words;
    if (first === undefined) continue;
    const section = /^\[([^\]:]+)(?::(\w+))?\]$/.exec(words.join(" "));
    if (section !== null && !isRange(first)) {
      group = groupOf(section[1]?.trim() ?? "");
      kind = section[2] ?? "hosts";
      if (!["hosts", "children", "vars"].includes(kind)) {
        return { problem: `has a section of the unknown kind ":${kind}"`, line: index + 1 };
      }
    } else if (kind === "children") group.children.push(first);
    else if (kind === "vars") {
      const [, name, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(written) ?? [];
      if (name === undefined) return { problem: "has a line among variables that sets none", line: index + 1 };
      group.vars[name] = unquoted(value ?? "");
    } else group.hosts.set(unquoted(first), { ...group.hosts.get(unquoted(first)), ...varsOf(words.slice(1)) });
  }
  return { groups };
}

interface MutableGroup {
  hosts: Map<string, Vars>;
  children: string[];
  vars: Record<string, unknown>;
}

const isRange = (word: string) => /^\[\w+:\w+(?::\d+)?\]\S/.test(word);

/** Words as a shell would split them; `#` and `;` begin a comment at a word's start. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith("#") || word.startsWith(";"));
  return comment === -1 ? words : words.slice(0, comment);
}

function varsOf(words: readonly string[]): Vars {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), unquoted(word.slice(at + 1))];
    }),
  );
}

const unquoted = (text: string) => text.replace(/^(["'])(.*)\1$/, "$2");

/** The YAML form: groups with `hosts`, `children` and `vars`, each a mapping. */
export function ansibleYaml(data: unknown): AnsibleInventory {
  const groups = new Map<string, MutableGroup>();
  const read = (name: string, value: unknown) => {
    const { hosts, children, vars } = mappingOf(value);
    const group: MutableGroup = groups.get(name) ?? { hosts: new Map(), children: [], vars: {} };
    groups.set(name, group);
    for (const [host, of] of Object.entries(mappingOf(hosts)))
      group.hosts.set(host, { ...group.hosts.get(host), ...mappingOf(of) });
    Object.assign(group.vars, mappingOf(vars));
    for (const [child, of] of Object.entries(mappingOf(children))) {
      group.children.push(child);
      read(child, of);
    }
  };
  for (const [name, value] of Object.entries(mappingOf(data))) read(name, value);
  return { groups };
}
