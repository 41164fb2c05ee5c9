import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../../../cli/core/config.ts";
import { projectPlan, selectPrograms } from "../../../../../cli/core/plan.ts";
import { ZdrError } from "../../../../../cli/failure.ts";

const configOf = (shop: Readonly<Record<string, unknown>>) => {
  const config = {
    ...{ project: "shop", deploy_to: "/data/web/shop", build: { path: "dist/" }, hosts: ["web1"] },
    programs: { shop: { command: "bin/shop", ...shop } },
  };
  return parseConfig(JSON.stringify(config), "deploy.yml").config;
};

function problemsOf(shop: Readonly<Record<string, unknown>>): string {
  try {
    configOf(shop);
  } catch (error) {
    assert.ok(error instanceof ZdrError);
    return JSON.stringify(error.failure);
  }
  return assert.fail("it was taken");
}

describe("a program with members", () => {
  test("has two, under the name of their group, where deploy.yml says nothing", () => {
    for (const reload of ["bluegreen", "rolling"]) {
      const [plan] = projectPlan(configOf({ reload })).programs;
      assert.deepEqual([plan?.process, plan?.members, plan?.reload.strategy], ["shop:*", 2, reload]);
    }
  });

  test("has as many as it says, under the name that supervisor knows", () => {
    const [plan] = projectPlan(configOf({ reload: "rolling", members: 4, process: "web:*" })).programs;
    assert.deepEqual([plan?.process, plan?.members], ["web:*", 4]);
  });

  test("has one socket, which supervisord can open", () => {
    const [plan] = projectPlan(configOf({ reload: "bluegreen", listen: "127.0.0.1:8080" })).programs;
    assert.deepEqual(plan?.listen, [{ host: "127.0.0.1", port: 8080 }]);
    assert.match(problemsOf({ reload: "bluegreen", listen: ["127.0.0.1:1", "127.0.0.1:2"] }), /more than one address/);
    assert.match(problemsOf({ reload: "rolling", listen: "[::1]:8080" }), /IPv6/);
  });

  test("is not one process, and is two with bluegreen", () => {
    assert.match(problemsOf({ reload: "rolling", process: "web:shop" }), /name their group: web:\*/);
    assert.match(problemsOf({ reload: "bluegreen", members: 3 }), /bluegreen is for two/);
  });

  test("is no program of another strategy", () => {
    assert.match(problemsOf({ reload: "restart", members: 2 }), /only bluegreen and rolling have/);
    assert.match(problemsOf({ reload: "restart", process: "web:*" }), /a whole group/);
  });

  test("is asked for by its name, its group's, or that of one member", () => {
    const config = configOf({ reload: "rolling" });
    assert.deepEqual(selectPrograms(config, ["shop"]), ["shop"]);
    assert.deepEqual(selectPrograms(config, ["shop:*"]), ["shop"]);
    assert.deepEqual(selectPrograms(config, ["shop:shop_01"]), ["shop:shop_01"]);
    assert.throws(() => selectPrograms(config, ["web:shop_01"]), ZdrError);
  });
});
