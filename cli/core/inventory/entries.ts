/**
 * Hosts out of lists that other tools keep, as entries of deploy.yml's `hosts:`. What an entry means, and whether it is
 * right, the schema says; here it is only found.
 */
import { isMapping, mappingOf } from "../config/mapping.ts";
import { type AnsibleGroup, type AnsibleInventory, ansibleEntries, type HostEntry } from "./ansible.ts";

/** What a command printed: JSON, or one host a line; `#` begins a comment. */
export function entriesOfOutput(output: string): HostEntry[] | { readonly problem: string } {
  const text = output.trim();
  // A line may begin with a range or an IPv6 address in brackets; a list in JSON begins with a quote, a brace or its end.
  return /^(?:\{|\[\s*(?:["{\]]))/.test(text) ? entriesOfJson(text) : linesOf(text);
}

function linesOf(text: string): HostEntry[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

function entriesOfJson(text: string): HostEntry[] | { readonly problem: string } {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return { problem: `printed JSON that is not valid: ${(error as Error).message}` };
  }
  if (Array.isArray(data)) return data as HostEntry[];
  if (isMapping(data)) return ansibleEntries(dynamicInventory(data));
  return { problem: "printed JSON that is neither a list of hosts nor an Ansible inventory" };
}

/** `ansible-inventory --list`: groups by name, and the hosts' variables under `_meta` (Ansible, Developing dynamic inventory). */
function dynamicInventory(data: Readonly<Record<string, unknown>>): AnsibleInventory {
  const meta = mappingOf(data._meta);
  const hostvars = mappingOf(meta.hostvars);
  const groups = new Map<string, AnsibleGroup>();
  for (const [name, value] of Object.entries(data)) {
    if (name === "_meta") continue;
    const group = Array.isArray(value) ? { hosts: value } : mappingOf(value);
    groups.set(name, {
      hosts: new Map(texts(group.hosts).map((host) => [host, {}])),
      children: texts(group.children),
      vars: mappingOf(group.vars),
    });
  }
  const vars = new Map(Object.entries(hostvars).map(([host, of]) => [host, mappingOf(of)]));
  return { groups, hostvars: vars };
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
