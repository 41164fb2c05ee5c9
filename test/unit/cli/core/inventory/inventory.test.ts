/** Hosts out of other tools' lists. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ansibleEntries, ansibleIni, ansibleYaml } from "../../../../../cli/core/inventory/ansible.ts";
import { entriesOfOutput } from "../../../../../cli/core/inventory/entries.ts";

const INI = `# the shop
bare.example.com

[web]
web[01:03].example.com ansible_user=deploy
"quoted" ansible_host=10.0.0.9 ansible_port=2222 ; a comment

[db]
db1 ansible_host=10.0.0.20 ansible_ssh_private_key_file='~/.ssh/db key'
here ansible_connection=local

[shop:children]
web
db

[shop:vars]
ansible_user = ops
ansible_port=2200
`;

function ini(text: string) {
  const inventory = ansibleIni(text);
  if ("problem" in inventory) assert.fail(inventory.problem);
  return ansibleEntries(inventory);
}

describe("an Ansible inventory", () => {
  test("in INI: groups are roles, ranges are hosts, and the nearest variable counts", () => {
    const web = (name: string) => ({
      ...{ name, address: name, user: "deploy", port: 2200, roles: ["web", "shop"] },
    });
    assert.deepEqual(ini(INI), [
      { name: "bare.example.com", address: "bare.example.com" },
      ...["web01.example.com", "web02.example.com", "web03.example.com"].map(web),
      { name: "quoted", address: "10.0.0.9", user: "ops", port: 2222, roles: ["web", "shop"] },
      { name: "db1", address: "10.0.0.20", user: "ops", port: 2200, key: "~/.ssh/db key", roles: ["db", "shop"] },
      { name: "here", address: "local", roles: ["db", "shop"] },
    ]);
  });

  test("a section that Ansible does not know is told with its line", () => {
    assert.deepEqual(ansibleIni("[web]\na\n[web:childs]\nb\n"), {
      ...{ problem: 'has a section of the unknown kind ":childs"', line: 3 },
    });
  });

  test("a port that is no number stays what it is, to be refused as that", () => {
    const [entry] = ini("web1 ansible_port=abc\n");
    assert.deepEqual(entry, { name: "web1", address: "web1", port: "abc" });
  });

  test("groups that contain each other end", () => {
    assert.deepEqual(ini("[a]\nh\n[a:children]\nb\n[b:children]\na\n"), [
      { name: "h", address: "h", roles: ["a", "b"] },
    ]);
  });

  test("in YAML it says the same", () => {
    const data = {
      all: {
        hosts: { "bare.example.com": null },
        children: {
          shop: {
            vars: { ansible_user: "ops" },
            children: { web: { hosts: { "web[1:2]": { ansible_port: 2222 } } } },
          },
        },
      },
    };
    assert.deepEqual(ansibleEntries(ansibleYaml(data)), [
      { name: "bare.example.com", address: "bare.example.com" },
      ...["web1", "web2"].map((name) => ({ name, address: name, user: "ops", port: 2222, roles: ["web", "shop"] })),
    ]);
  });
});

describe("what a command prints", () => {
  test("one host a line, with comments and ranges", () => {
    assert.deepEqual(entriesOfOutput("# hosts\ndeploy@web1:2222\n\n[a:c].example.com # three\n[fd00::1]:22\n"), [
      ...["deploy@web1:2222", "[a:c].example.com", "[fd00::1]:22"],
    ]);
  });

  test("JSON: a list of words and mappings", () => {
    assert.deepEqual(entriesOfOutput('[\n "web1", {"name": "web2", "address": "10.0.0.2"}]'), [
      ...["web1", { name: "web2", address: "10.0.0.2" }],
    ]);
    assert.deepEqual(entriesOfOutput("[]"), []);
  });

  test("JSON as ansible-inventory --list prints it", () => {
    const output = JSON.stringify({
      _meta: { hostvars: { web1: { ansible_host: "10.0.0.1" } } },
      all: { children: ["web"] },
      web: { hosts: ["web1"], vars: { ansible_user: "deploy" } },
      legacy: ["old1"],
    });
    assert.deepEqual(entriesOfOutput(output), [
      { name: "web1", address: "10.0.0.1", user: "deploy", roles: ["web"] },
      { name: "old1", address: "old1", roles: ["legacy"] },
    ]);
  });

  test("JSON that is cut is told as that", () => {
    assert.match((entriesOfOutput('["web1",') as { problem: string }).problem, /JSON that is not valid/);
  });
});
