import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "../../../../../agent/core/layout.ts";
import { groupFindings, tellMembers } from "../../../../../agent/core/members/group.ts";
import { wantedCommand } from "../../../../../agent/core/section.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");
const shop = programPlan("rolling");
const own = { command: wantedCommand(shop, layout).join(" ") };
const other = { command: "/bin/worker" };

test("members of a program are those of its group that have its command, wherever they stand in it", () => {
  const group = [["shop:admin", other] as const, ["shop:shop_00", own] as const, ["shop:shop_01", own] as const];
  const told = tellMembers(shop, layout, group);
  assert.deepEqual(told, { own: group.slice(1), others: ["shop:admin"] });
  const [finding, ...more] = groupFindings(shop, told.others);
  assert.deepEqual([finding?.level, finding?.rule, more], ["refuse", "group-mixed", []]);
  assert.match(finding?.text ?? "", /^shop:admin is in supervisor's group shop/);
});

test("where the wanted command has changed since, its own are those that are named after it", () => {
  const old = { command: "/data/web/shop/current/bin/shop -old" };
  const group = [["shop:admin", other] as const, ["shop:shop_00", old] as const, ["shop:shop_01", old] as const];
  assert.deepEqual(tellMembers(shop, layout, group), { own: group.slice(1), others: ["shop:admin"] });
});

test("a group of one command is the program's own, whichever sections it is of", () => {
  for (const command of [own, other]) {
    const group = [["shop:blue", command] as const, ["shop:green", command] as const];
    const { others } = tellMembers(shop, layout, group);
    assert.deepEqual([others, groupFindings(shop, others)], [[], []]);
  }
});
