import assert from "node:assert/strict";
import { test } from "node:test";
import { programEnvironment } from "../../../../agent/keeper/environment.ts";
import type { KeptProgram } from "../../../../agent/keeper/spec.ts";

const KEEPER = { pid: 4711, specPath: "/srv/run/shop.json", controlPath: "/srv/run/shop/keeper.sock", start: 3 };

function spec(parts: Partial<KeptProgram>): KeptProgram {
  return {
    ...{ v: 1, program: "shop", current: "/srv/current", command: ["shop"], environment: {}, cwd: "/srv/run/shop" },
    ...{ strategy: "handover", drainMs: 1, readyMs: 1, listen: [], ...parts },
  };
}

test("what handover libraries tell their successors never comes from anybody else, not even from the spec", () => {
  const foreign = {
    ...{ LISTEN_FDS: "1", LISTEN_PID: "1", LISTEN_FDNAMES: "x", ENDLESS_CONTINUE: "1", ENDLESS_SOCKET_ORDER: "a" },
    ...{ IS_GRACEFUL: "1", GRACEFUL: "1", TABLEFLIP_HAS_PARENT_7DIU3: "yes", OVERSEER_IS_SLAVE: "1" },
    ...{ EINHORN_FD_0: "3", EINHORN_MASTER_PID: "1", SERVER_STARTER_PORT: "80=3", SERVER_STARTER_GENERATION: "1" },
  };
  const environment = programEnvironment(spec({ environment: { GRACEFUL: "1" } }), foreign, KEEPER);
  assert.deepEqual(Object.keys(environment).sort(), ["PWD", "ZDR_CURRENT", "ZDR_KEEPER"]);
});

test("the spec goes over what was inherited, and the keeper's own names over both", () => {
  const inherited = { PATH: "/bin", COLOUR: "blue", PWD: "/", GONE: undefined };
  const environment = programEnvironment(
    spec({ environment: { COLOUR: "red", ZDR_CURRENT: "/x" } }),
    inherited,
    KEEPER,
  );
  assert.deepEqual(environment, {
    ...{ PATH: "/bin", COLOUR: "red", PWD: "/srv/run/shop", ZDR_CURRENT: "/srv/current" },
    ZDR_KEEPER: "/srv/run/shop.json",
  });
});

test("sockets are told in all three ways, from fd 3 on", () => {
  const listen = [
    { name: "four", host: "0.0.0.0", port: 80 },
    { name: "six", host: "::1", port: 81 },
    { name: "local", path: "/run/app.sock" },
  ];
  const environment = programEnvironment(spec({ strategy: "socket", listen }), {}, KEEPER);
  assert.equal(environment.LISTEN_FDS, "3");
  assert.equal(environment.LISTEN_FDNAMES, "four:six:local");
  assert.equal(environment.SERVER_STARTER_PORT, "0.0.0.0:80=3;[::1]:81=4;/run/app.sock=5");
  assert.equal(environment.SERVER_STARTER_GENERATION, "3");
  assert.deepEqual(
    ["COUNT", "0", "1", "2"].map((name) => environment[`EINHORN_FD_${name}`]),
    ["3", "3", "4", "5"],
  );
  assert.equal(environment.EINHORN_MASTER_PID, "4711");
  assert.equal(environment.LISTEN_PID, undefined, "only the started process knows it");
});
