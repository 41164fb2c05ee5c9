import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configJsonSchema } from "../../../../../cli/core/config/json-schema.ts";
import { schemaKeys } from "../../../../../cli/core/config/keys.ts";
import { configSchema } from "../../../../../cli/core/config/schema.ts";
import { findKey, keysOf } from "../../../../../cli/core/reference/keys.ts";

const SCHEMA = configJsonSchema();

describe("the JSON Schema of deploy.yml", () => {
  test("has every key that the config may have, each with what it is for, and no other", () => {
    const keys = keysOf(SCHEMA);
    const checked = schemaKeys(configSchema()).map(({ path }) => path.join("."));
    assert.deepEqual([...new Set(keys.map(({ path }) => path))].sort(), [...new Set(checked)].sort());
    for (const { path, help, type } of keys) {
      assert.notEqual(help, "", path);
      assert.notEqual(type, "", path);
    }
  });

  test("lets no unknown key stand in a section", () => {
    assert.equal(SCHEMA.additionalProperties, false);
    assert.equal(SCHEMA.properties?.build?.additionalProperties, false);
    assert.deepEqual(SCHEMA.properties?.rollout?.properties?.on_failure?.enum, ["stop", "revert-all"]);
  });
});

describe("a key that is asked for", () => {
  const found = (written: string) => {
    const answer = findKey(SCHEMA, written);
    assert.equal(answer.kind, "found", written);
    return answer.kind === "found" ? answer : assert.fail();
  };

  test("is found as it is written, below names of one's own and in lists", () => {
    assert.equal(found("programs.shop.health.timeout").key.path, "programs.*.health.timeout");
    assert.equal(found("hosts[0].port").key.path, "hosts.*.port");
    assert.equal(found("keep").key.default, "5");
    assert.match(found("rollout.on_failure").key.type, /one of: stop, revert-all/);
  });

  test("tells the keys below it, also through names of one's own and lists", () => {
    const below = (written: string) => found(written).children.map(({ path }) => path.split(".").at(-1));
    assert.deepEqual(below("build"), ["run", "path"]);
    for (const written of ["hooks", "hooks.before_keep"]) {
      assert.deepEqual(below(written), ["run", "shell", "on", "once", "timeout", "on_failure"], written);
    }
    assert.match(found("hooks").key.help, /before_stage, after_stage, /);
  });

  test("is found by its last word, where no other key has it", () => {
    assert.equal(found("drain").key.path, "programs.*.reload.drain");
    const several = findKey(SCHEMA, "port");
    assert.ok(
      several.kind === "unknown" && several.known.includes("hosts.*.port") && several.known.includes("ssh.port"),
    );
  });

  test("is found by its last words, where no other key ends so, and all that end so are named where several do", () => {
    assert.equal(found("health.timeout").key.path, "programs.*.health.timeout");
    assert.equal(found("shared.dirs").key.path, "shared.dirs");
    assert.equal(found("reload.drain").key.path, "programs.*.reload.drain");
    assert.equal(found("listen.mode").key.path, "programs.*.listen.*.mode");
    const several = findKey(SCHEMA, "timeout");
    assert.ok(several.kind === "unknown" && several.known.includes("programs.*.health.timeout"));
    assert.equal(findKey(SCHEMA, "health.timout").kind, "unknown");
  });

  test("is found by every end of its path, unless another key ends so too", () => {
    const keys = keysOf(SCHEMA);
    for (const { path } of keys) {
      const names = path.split(".");
      for (const [at, name] of names.entries()) {
        if (name === "*") continue;
        const answer = findKey(SCHEMA, names.slice(at).join("."));
        const known = answer.kind === "found" ? [answer.key.path] : answer.known;
        const ended = names
          .slice(at)
          .filter((one) => one !== "*")
          .at(-1);
        assert.ok(
          known.includes(path) || known.some((one) => one.split(".").at(-1) === ended),
          `${names.slice(at).join(".")}: ${known}`,
        );
      }
    }
  });

  test("is found where the item of a list, or a name of one's own, is left out", () => {
    assert.equal(found("hooks.before_keep.run").key.path, "hooks.*.*.run");
    assert.equal(found("programs.shop.listen.mode").key.path, "programs.*.listen.*.mode");
    assert.equal(found("hosts.jump.address").key.path, "hosts.*.jump.*.address");
    assert.equal(found("programs.reload.drain").key.path, "programs.*.reload.drain");
  });

  test("is what a name or an item is one of, where only that is asked for", () => {
    assert.equal(found("programs.shop").key.path, "programs");
    assert.equal(found("hosts[0]").key.path, "hosts");
    assert.equal(found("hooks.before_activate").key.path, "hooks");
    assert.equal(findKey(SCHEMA, "keep.it").kind, "unknown");
  });

  test("comes with the keys below it", () => {
    const below = found("programs").children.map(({ path }) => path);
    assert.ok(below.includes("programs.*.command"));
    assert.ok(!below.includes("programs.*.reload.drain"));
  });
});
