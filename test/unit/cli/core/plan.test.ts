import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProjectPlan } from "../../../../agent/wire/plan.ts";
import { parseConfig } from "../../../../cli/core/config.ts";
import { isConfidential, programsIn, projectPlan, selectHosts, selectPrograms } from "../../../../cli/core/plan.ts";
import { ZdrError } from "../../../../cli/failure.ts";

const TEXT = `
project: shop
deploy_to: /data/web/shop
build: { path: dist/ }
hosts:
  - web1
  - deploy@[fd00::1]:2222
  - name: web3
    address: 10.0.0.3
    user: root
    key: /keys/web3
    host_key: SHA256:M5imL1CkNFhNXnq75TLJNm/GpLrLQXhavVgDKuQHm9w
    node: /opt/node
  - local
ssh: { user: me, port: 2200, key: [/keys/a, /keys/b], known_hosts: /keys/known, connect_timeout: 3s, heartbeat: 1s, silence: 4s }
node: /usr/bin/node
keep: 3
modes: preserve
proof: required
shared: { dirs: [logs/], files: [.env] }
supervisor: { url: "unix:///run/s.sock", username: zdr, password: hunter2 }
programs:
  shop:
    command: bin/shop -a {shared}
    reload: { preset: overseer, drain: 1500ms }
    health: { http: "http://127.0.0.1:8080/", timeout: 20s, status: 204, meter: 0 }
    check: bin/shop -check {release}
    user: www-data
    environment: { PORT: 8080 }
  jobs:
    process: workers:jobs
    command: [bin/jobs]
    reload: restart
    autostart: false
    start_seconds: 3
    stop_seconds: 90
    watch: 0
`;
const { config } = parseConfig(TEXT, "deploy.yml");

function usageOf(run: () => unknown) {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ZdrError && error.failure.kind === "usage");
    return error.failure;
  }
  return assert.fail("nothing was refused");
}

describe("the plan for the agent", () => {
  test("says all that deploy.yml says, in the words of the wire", () => {
    const plan = projectPlan(config);
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), {
      project: "shop",
      deployTo: "/data/web/shop",
      supervisor: { url: "unix:///run/s.sock", username: "zdr", password: "hunter2" },
      programs: [
        {
          name: "shop",
          process: "shop",
          command: ["bin/shop", "-a", "{shared}"],
          reload: { preset: "overseer", strategy: "slot", signal: "USR2", drainMs: 1500 },
          health: {
            http: "http://127.0.0.1:8080/",
            timeoutMs: 20_000,
            requestTimeoutMs: 5000,
            status: [204],
            meterRate: 0,
          },
          check: ["bin/shop", "-check", "{release}"],
          user: "www-data",
          environment: { PORT: "8080" },
          autostart: true,
          startSeconds: 2,
          stopSeconds: 7,
          watchMs: 10_000,
        },
        {
          name: "jobs",
          process: "workers:jobs",
          command: ["bin/jobs"],
          reload: { preset: "restart", strategy: "restart", drainMs: 10_000 },
          environment: {},
          autostart: false,
          startSeconds: 3,
          stopSeconds: 90,
          watchMs: 0,
        },
      ],
      shared: { dirs: ["logs"], files: [".env"] },
      keep: 3,
      modes: "preserve",
      proof: "required",
    });
  });

  test("is taken by the wire's schema as it is", () => {
    const plan = JSON.parse(JSON.stringify(projectPlan(config)));
    assert.deepEqual(ProjectPlan.parse(plan), plan);
  });
});

describe("the hosts", () => {
  test("take from ssh: and node: what they do not say themselves", () => {
    const common = {
      ...{ kind: "ssh", knownHosts: ["/keys/known"], connectTimeoutMs: 3000 },
      ...{ heartbeatMs: 1000, silenceMs: 4000 },
      ...{ jump: undefined, transport: "builtin", config: undefined },
    };
    const keys = ["/keys/a", "/keys/b"];
    assert.deepEqual(selectHosts(config, {}), [
      { ...common, name: "web1", address: "web1", port: 2200, user: "me", keys, hostKeys: [], node: "/usr/bin/node" },
      {
        ...common,
        name: "fd00::1",
        address: "fd00::1",
        port: 2222,
        user: "deploy",
        keys,
        hostKeys: [],
        node: "/usr/bin/node",
      },
      {
        ...{
          ...common,
          name: "web3",
          address: "10.0.0.3",
          port: 2200,
          user: "root",
          keys: ["/keys/web3"],
          node: "/opt/node",
        },
        hostKeys: ["SHA256:M5imL1CkNFhNXnq75TLJNm/GpLrLQXhavVgDKuQHm9w"],
      },
      { kind: "local", name: "local", node: "/usr/bin/node" },
    ]);
  });

  test("can be chosen by name or address, in the order of the file", () => {
    const names = (...chosen: string[]) => selectHosts(config, { host: chosen }).map(({ name }) => name);
    assert.deepEqual(names(), ["web1", "fd00::1", "web3", "local"]);
    assert.deepEqual(names("local", "10.0.0.3", "web3"), ["web3", "local"]);
    assert.deepEqual(
      usageOf(() => names("web1", "wbe3")),
      {
        ...{ kind: "usage", problem: 'the config has no host named "wbe3"', hint: 'did you mean "web3"?' },
      },
    );
    assert.equal(usageOf(() => names("zzz")).hint, "there are: web1, fd00::1, web3, 10.0.0.3, local");
  });
});

describe("a plan may stand in a command, which everybody on the host can read,", () => {
  const MINIMAL = `
project: shop
deploy_to: /data/web/shop
build: { path: dist/ }
hosts: [web1]
programs:
  shop: { command: bin/shop, reload: overseer, health: { http: "http://127.0.0.1:8080/healthz" } }
`;
  const isConfidentialWith = (text: string) => isConfidential(projectPlan(parseConfig(text, "deploy.yml").config));

  test("if nobody trusted it with anything", () => {
    assert.equal(isConfidentialWith(MINIMAL), false);
  });

  test("and not with supervisor's password, an environment, or a query that may hold a token", () => {
    const supervisor = `${MINIMAL}supervisor: { username: zdr, password: hunter2 }\n`;
    const environment = MINIMAL.replace("reload: overseer", 'reload: overseer, environment: { TOKEN: "x" }');
    for (const text of [supervisor, environment, MINIMAL.replace("/healthz", "/healthz?token=x")]) {
      assert.equal(isConfidentialWith(text), true, text);
    }
  });
});

test("programs can be chosen by their name here or in supervisor, in the order of the file", () => {
  assert.deepEqual(selectPrograms(config, []), ["shop", "jobs"]);
  assert.deepEqual(selectPrograms(config, ["workers:jobs", "shop", "jobs"]), ["shop", "jobs"]);
  assert.deepEqual(
    usageOf(() => selectPrograms(config, ["shpo"])),
    {
      ...{ kind: "usage", problem: 'the config has no program named "shpo"', hint: 'did you mean "shop"?' },
    },
  );
  assert.equal(usageOf(() => selectPrograms(config, [""])).hint, "its programs are: shop, jobs, workers:jobs");
});

describe("a program that is bound to roles", () => {
  const text = (role: string) => `
project: shop
deploy_to: /data/web/shop
build: { path: dist/ }
hosts: [{ name: web1, roles: web }, { name: db1, roles: [db, jobs] }, bare]
programs:
  shop: { command: bin/shop, reload: overseer, roles: ${role} }
  jobs: { command: bin/jobs, reload: restart, roles: [jobs, cron] }
  all: { command: bin/all, reload: restart }
`;
  const bound = parseConfig(text("web"), "deploy.yml").config;
  const programsOf = (host?: string) => projectPlan(bound, host).programs.map(({ name }) => name);

  test("is for hosts with one of them only; one without roles is for all", () => {
    assert.deepEqual(programsOf("web1"), ["shop", "all"]);
    assert.deepEqual(programsOf("db1"), ["jobs", "all"]);
    assert.deepEqual(programsOf("bare"), ["all"]);
    assert.deepEqual(programsOf(), ["shop", "jobs", "all"]);
  });

  test("is told to start only where it is", () => {
    assert.deepEqual(programsIn(projectPlan(bound, "db1"), ["shop", "jobs"]), ["jobs"]);
  });

  test("of which there is no host is refused with what may have been meant", () => {
    const { problem, hint } = usageOf(() => projectPlan(parseConfig(text("wep"), "deploy.yml").config));
    assert.match(problem, /no host has a role of the program shop: wep/);
    assert.match(hint ?? "", /web/);
  });
});
