/** Which hosts the flags of a command choose. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseHosts, type HostChoice } from "../../../../../cli/core/fleet/select.ts";
import { ZdrError } from "../../../../../cli/failure.ts";

const HOSTS = [
  { name: "web01", address: "10.0.0.1", roles: ["web", "canary"], labels: { zone: "fra1" } },
  { name: "web02", address: "10.0.0.2", roles: ["web"], labels: { zone: "ams3" } },
  { name: "db1", address: "10.0.0.9", roles: ["db"], labels: { zone: "fra1", ssd: "" } },
  { name: "local", roles: [], labels: {} },
];

const chosen = (choice: HostChoice) => chooseHosts(HOSTS, choice).map(({ name }) => name);

function refusal(choice: HostChoice): string {
  try {
    return assert.fail(`chose ${chosen(choice).join()}`);
  } catch (error) {
    if (!(error instanceof ZdrError) || error.failure.kind !== "usage") throw error;
    return `${error.failure.problem} (${error.failure.hint})`;
  }
}

describe("hosts", () => {
  const cases: readonly [HostChoice, readonly string[]][] = [
    [{}, ["web01", "web02", "db1", "local"]],
    [{ host: ["db1", "web01"] }, ["web01", "db1"]],
    [{ host: ["10.0.0.2"] }, ["web02"]],
    [{ host: ["web[01:02]"] }, ["web01", "web02"]],
    [{ host: ["web*,local"] }, ["web01", "web02", "local"]],
    [{ role: ["web"] }, ["web01", "web02"]],
    [{ role: ["db,canary"] }, ["web01", "db1"]],
    [{ label: ["zone=fra1"] }, ["web01", "db1"]],
    [{ label: ["ssd"] }, ["db1"]],
    [{ role: ["web"], label: ["zone=ams3"] }, ["web02"]],
    [{ role: ["web"], except: ["canary"] }, ["web02"]],
    [{ except: ["web*"] }, ["db1", "local"]],
  ];
  for (const [choice, names] of cases) {
    test(`${JSON.stringify(choice)} are ${names.join(", ")}`, () => assert.deepEqual(chosen(choice), names));
  }

  test("a word that chooses nothing is a slip, and is told with what was meant", () => {
    assert.match(refusal({ host: ["web1"] }), /no host named "web1" .*web01/);
    assert.match(refusal({ role: ["wep"] }), /no role named "wep" .*web/);
    assert.match(refusal({ except: ["dbb1"] }), /no host or role named "dbb1"/);
    assert.match(refusal({ label: ["zone=nyc"] }), /no label named "zone=nyc"/);
  });

  test("flags that leave no host are refused", () => {
    assert.match(refusal({ role: ["db"], except: ["db1"] }), /no host is left/);
  });
});
