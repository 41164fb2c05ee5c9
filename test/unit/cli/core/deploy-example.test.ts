import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { schemaKeys } from "../../../../cli/core/config/keys.ts";
import { configSchema } from "../../../../cli/core/config/schema.ts";
import { readYaml } from "../../../../cli/core/config/yaml-source.ts";
import { parseConfig } from "../../../../cli/core/config.ts";

const text = readFileSync(new URL("../../../../deploy.example.yml", import.meta.url), "utf8");
const environment = { SUPERVISOR_PASSWORD: "hunter2" };
/** Keys below these are names of the user's own. */
const FREE = ["hooks", "programs", "programs.*.environment", "hosts.*.labels"];
const { data, placeOf } = readYaml(text, () => false);

interface WrittenKey {
  readonly key: string;
  readonly path: readonly PropertyKey[];
}

function writtenKeys(value: unknown, path: readonly PropertyKey[] = [], key = ""): WrittenKey[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => writtenKeys(item, [...path, index], `${key}.*`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const isFree = FREE.includes(key);
    const here = [key, isFree ? "*" : name].filter((step) => step !== "").join(".");
    return [...(isFree ? [] : [{ key: here, path: [...path, name] }]), ...writtenKeys(inner, [...path, name], here)];
  });
}

const known = schemaKeys(configSchema());
const written = writtenKeys(data);

describe("deploy.example.yml", () => {
  test("it is a config that zdr takes", () => {
    const { config } = parseConfig(text, "deploy.example.yml", environment);
    assert.equal(config.project, "shop");
    assert.deepEqual(Object.keys(config.programs), ["shop", "api", "gateway", "legacy", "front", "pool", "worker"]);
  });

  test("every key of the schema stands in it, and no other", () => {
    const schemaSide = [...new Set(known.map(({ path }) => path.join(".")))].sort();
    const exampleSide = [...new Set(written.map(({ key }) => key))].sort();
    assert.ok(schemaSide.length > 45, `${schemaSide.length} keys`);
    assert.deepEqual(exampleSide, schemaSide);
  });

  test("the first time that a key stands in it, a comment stands above it", () => {
    const lines = text.split("\n");
    const explained = new Set<string>();
    for (const { key, path } of written) {
      if (explained.has(key)) continue;
      explained.add(key);
      const { line } = placeOf({ path, on: "key" });
      assert.match(lines[line - 2] ?? "", /^\s*(?:- )?#/, `${key} in line ${line}`);
    }
  });

  test("every key of the schema is described", () => {
    assert.deepEqual(
      known.filter(({ description }) => description === undefined).map(({ path }) => path.join(".")),
      [],
    );
  });

  test("the defaults that it tells are those of the schema", () => {
    const least = {
      ...{ project: "p", deploy_to: "/srv/p", build: { path: "dist" }, hosts: ["local"] },
      programs: { p: { command: "p", reload: "overseer", health: { http: "http://127.0.0.1/" } } },
    };
    const config = configSchema().parse(least);
    const told = (key: string) => {
      const entry = written.find((found) => found.key === key);
      const line = entry === undefined ? 0 : placeOf({ path: entry.path, on: "key" }).line;
      const above = text.split("\n").slice(0, line - 1);
      const comment = above.slice(above.findLastIndex((other) => !/^\s*#/.test(other)) + 1).join(" ");
      return /Default: (\S+?)\.?(?: |$)/.exec(comment)?.[1];
    };
    const program = config.programs.p;
    assert.equal(told("keep"), String(config.keep));
    assert.equal(told("modes"), config.modes);
    assert.equal(told("proof"), config.proof);
    assert.equal(told("ssh.transport"), config.ssh.transport);
    assert.equal(told("ssh.connect_timeout"), `${config.ssh.connect_timeout / 1000}s`);
    assert.equal(told("ssh.heartbeat"), `${config.ssh.heartbeat / 1000}s`);
    assert.equal(told("ssh.silence"), `${config.ssh.silence / 1000}s`);
    assert.equal(told("programs.*.health.timeout"), `${(program?.health?.timeout ?? 0) / 1000}s`);
    assert.equal(told("programs.*.health.request_timeout"), `${(program?.health?.request_timeout ?? 0) / 1000}s`);
    assert.equal(told("programs.*.health.meter"), String(program?.health?.meter));
    assert.equal(told("programs.*.autostart"), String(program?.autostart));
    assert.equal(told("programs.*.start_seconds"), String(program?.start_seconds));
    assert.equal(told("programs.*.watch"), `${(program?.watch ?? 0) / 1000}s`);
  });
});
