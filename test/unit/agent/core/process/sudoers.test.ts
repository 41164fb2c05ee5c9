import assert from "node:assert/strict";
import { test } from "node:test";
import { sudoersLine } from "../../../../../agent/core/process/sudoers.ts";

test("the line allows one user one command with its exact arguments, without the user's environment", () => {
  assert.equal(
    sudoersLine("deploy", "/usr/bin/node"),
    "deploy ALL=(root) NOPASSWD: /usr/bin/env -i /usr/bin/node /usr/local/lib/zdr/prove.cjs",
  );
});

test("a user's name that sudoers reads as something else gets no line", () => {
  for (const user of ["ALL", "%sudo", "#0", "+group", "a b", "a,root", "a\nroot", "", "-x", "User", "!deploy"]) {
    assert.equal(sudoersLine(user, "/usr/bin/node"), undefined, user);
  }
});

test("a path that sudoers reads as a pattern, or that is not where it seems, gets no line", () => {
  const paths = [
    ...["node", "/usr/bin/*", "/usr/bin/nod?", "/usr/bin/[n]ode", "/opt/my node", "/opt/a,b", "/opt/a:b", "/opt/a=b"],
    ...["/opt/a\\b", "/opt/../home/x/node", "/opt/./node", "/opt//node", "/opt/node/", "/opt/node\n", "/", ""],
  ];
  for (const path of paths) {
    assert.equal(sudoersLine("deploy", path), undefined, path);
    assert.equal(sudoersLine("deploy", "/usr/bin/node", path), undefined, path);
  }
});
