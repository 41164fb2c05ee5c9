import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AgentError } from "../../../../agent/core/failure.ts";
import { layoutOf } from "../../../../agent/core/layout.ts";
import { compareFacts, factsOfPlan, factsOfSection } from "../../../../agent/core/section/facts.ts";
import { KEEPER_NODE_FLAGS, renderSection, sectionProblems } from "../../../../agent/core/section.ts";
import type { ProgramPlan } from "../../../../agent/wire/plan.ts";
import { programPlan } from "../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");
const asRoot = { supervisorIsRoot: true };
const rendered = (program: ProgramPlan, key: string) => renderSection(program, layout, asRoot).values.get(key);

describe("a rendered section", () => {
  test("of overseer starts the slot, outside of every release", () => {
    const { name, text } = renderSection(programPlan("overseer", { user: "www-data" }), layout, asRoot);
    assert.equal(name, "program:shop");
    assert.equal(
      text,
      `[program:shop]
command=/data/web/shop/run/shop/shop -addr :8080
directory=/data/web/shop
environment=ZDR_CURRENT="/data/web/shop/current",GODEBUG="asyncpreemptoff=1"
user=www-data
autostart=true
autorestart=unexpected
startsecs=2
stopsignal=TERM
stopwaitsecs=30
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=AUTO
`,
    );
  });

  test("of overseer with its fetcher starts the slot, and gives it that folder for the copies that it makes", () => {
    const own = programPlan("overseer-watch", { environment: { TMPDIR: "{deploy_to}/tmp" } });
    assert.equal(rendered(programPlan("overseer-watch"), "command"), "/data/web/shop/run/shop/shop -addr :8080");
    assert.match(rendered(programPlan("overseer-watch"), "environment") ?? "", /TMPDIR="\/data\/web\/shop\/run\/shop"/);
    assert.match(rendered(own, "environment") ?? "", /TMPDIR="\/data\/web\/shop\/tmp"/);
  });

  test("of a program with members names them by number, and has supervisord listen for them", () => {
    const program = programPlan("rolling", { members: 4, listen: [{ host: "127.0.0.1", port: 8080 }] });
    const { name, text } = renderSection(program, layout, asRoot);
    assert.equal(name, "fcgi-program:shop");
    assert.equal(
      text,
      `[fcgi-program:shop]
command=/data/web/shop/current/bin/shop -addr :8080
socket=tcp://127.0.0.1:8080
numprocs=4
process_name=%(program_name)s_%(process_num)02d
directory=/data/web/shop/current
environment=ZDR_CURRENT="/data/web/shop/current"
autostart=true
autorestart=unexpected
startsecs=2
stopsignal=TERM
stopwaitsecs=30
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=AUTO
`,
    );
  });

  test("of members with a unix socket says who may connect", () => {
    const socket = (mode?: number) =>
      programPlan("bluegreen", { listen: [{ path: "/run/shop.sock", ...(mode === undefined ? {} : { mode }) }] });
    assert.deepEqual(
      ["socket", "socket_mode"].map((key) => rendered(socket(), key)),
      ["unix:///run/shop.sock", "0660"],
    );
    assert.equal(rendered(socket(0o600), "socket_mode"), "0600");
  });

  test("of members that open their own sockets is a plain program", () => {
    const { name, values } = renderSection(programPlan("bluegreen"), layout, asRoot);
    assert.deepEqual([name, values.get("numprocs"), values.get("socket")], ["program:shop", "2", undefined]);
  });

  test("of gunicorn goes through current and fills the places in", () => {
    const command = ["venv/bin/gunicorn", "--chdir", "{current}", "-c", "{shared}/g.py", "--pid={run}/pid", "app:app"];
    const program = programPlan("gunicorn", { command });
    assert.equal(
      rendered(program, "command"),
      "/data/web/shop/current/venv/bin/gunicorn --chdir /data/web/shop/current -c /data/web/shop/shared/g.py --pid=/data/web/shop/run/shop/pid app:app",
    );
    assert.equal(rendered(program, "directory"), "/data/web/shop");
  });

  test("of a program that is restarted stands in current", () => {
    assert.equal(rendered(programPlan("restart"), "directory"), "/data/web/shop/current");
  });

  test("of a program that hands over starts the keeper, and says nothing that may change with deploy.yml", () => {
    const program = programPlan("grace", { environment: { TOKEN: "s3cret" } });
    const { values } = renderSection(program, layoutOf("/data/web/shop", "/opt/node/bin/node"), asRoot);
    assert.deepEqual(
      ["command", "directory", "environment", "stopasgroup", "killasgroup"].map((key) => values.get(key)),
      [
        "/opt/node/bin/node --jitless --max-semi-space-size=1 --expose-gc /data/web/shop/lib/keeper.cjs /data/web/shop/run/shop.json",
        "/data/web/shop",
        'ZDR_CURRENT="/data/web/shop/current"',
        "false",
        "true",
      ],
    );
  });

  test("of a keeper whose socket's path the kernel would not take is refused", () => {
    const [problem, ...rest] = sectionProblems(programPlan("node"), layoutOf(`/data/${"x".repeat(90)}`));
    assert.match(problem?.text ?? "", /longer than 107 bytes/);
    assert.deepEqual(rest, []);
    assert.deepEqual(sectionProblems(programPlan("restart"), layoutOf(`/data/${"x".repeat(90)}`)), []);
  });

  test("keeps an absolute command", () => {
    const program = programPlan("restart", { command: ["/usr/bin/node", "{current}/server.js"] });
    assert.equal(rendered(program, "command"), "/usr/bin/node /data/web/shop/current/server.js");
  });

  test("leaves user= to a supervisord that is root", () => {
    const program = programPlan("restart", { user: "www-data" });
    assert.equal(renderSection(program, layout, { supervisorIsRoot: false }).values.has("user"), false);
  });

  test("adds to a GODEBUG of the user's own, once", () => {
    const own = (GODEBUG: string) => rendered(programPlan("overseer", { environment: { GODEBUG } }), "environment");
    assert.match(own("gctrace=1") ?? "", /GODEBUG="gctrace=1,asyncpreemptoff=1"/);
    assert.match(own("asyncpreemptoff=1") ?? "", /GODEBUG="asyncpreemptoff=1"/);
  });

  test("names the program by its own name where it is in a group", () => {
    assert.equal(renderSection(programPlan("restart", { process: "web:shop" }), layout, asRoot).name, "program:shop");
  });

  test("makes $ in a command mean nothing", () => {
    assert.equal(
      rendered(programPlan("restart", { command: ["a", "$&"] }), "command"),
      "/data/web/shop/current/a '$&'",
    );
  });
});

describe("what supervisor would read as something else", () => {
  const refused: [name: string, changes: Partial<ProgramPlan>][] = [
    ["a double quote in the environment", { environment: { A: 'a"b' } }],
    ["a line break in the command", { command: ["a", "b\nc"] }],
    ["a name that supervisor can not take", { process: "a/b" }],
    ["a name that holds a comment", { process: "a;b" }],
    ["a user with a blank before #", { user: "a #b" }],
  ];
  for (const [name, changes] of refused) {
    test(`${name} is refused, not written`, () => {
      const program = programPlan("restart", changes);
      assert.throws(
        () => renderSection(program, layout, asRoot),
        (error) => error instanceof AgentError && error.failure.reason === "program-refused",
      );
    });
  }

  test("a refused value of the environment is not told, for it may be a secret", () => {
    const [finding] = sectionProblems(programPlan("restart", { environment: { DSN: 'pa"ss' } }), layout);
    assert.match(finding?.text ?? "", /DSN/);
    assert.doesNotMatch(JSON.stringify(finding), /pa/);
  });
});

describe("comparing what is there with what deploy.yml wants", () => {
  const program = programPlan("overseer", { user: "www-data", environment: { MODE: "a b" } });
  const wanted = factsOfPlan(program, layout, asRoot);
  const found = (changes: Record<string, string>) => {
    const values = new Map(renderSection(program, layout, asRoot).values);
    for (const [key, value] of Object.entries(changes)) values.set(key, value);
    return compareFacts(wanted, factsOfSection(values)).map((one) => `${one.isEssential ? "!" : ""}${one.what}`);
  };

  test("the section as rendered differs in nothing", () => assert.deepEqual(found({}), []));

  test("another spelling of the same is no difference", () => {
    const same = {
      command: "\"/data/web/shop/run/shop/shop\"   -addr ':8080'",
      environment: "GODEBUG='asyncpreemptoff=1' , MODE='a b', MORE=1",
      stopsignal: "sigterm",
      killasgroup: "YES",
    };
    assert.deepEqual(found(same), []);
  });

  test("another command or environment is essential, another time or user is not", () => {
    assert.deepEqual(found({ command: "/bin/other" }), ["!command"]);
    assert.deepEqual(found({ environment: 'GODEBUG="asyncpreemptoff=1"' }), ["!environment"]);
    assert.deepEqual(found({ startsecs: "5", user: "nobody", directory: "/" }), ["user", "directory", "startsecs"]);
  });

  test("what only supervisord can expand is no difference", () => {
    assert.deepEqual(found({ command: "%(ENV_X)s", environment: 'MODE="%(ENV_M)s",GODEBUG="%(ENV_G)s"' }), []);
  });

  test("a keeper without what keeps it small works as well, and is told of; its other options are the host's business", () => {
    const kept = programPlan("grace");
    const compared = (words: string) => {
      const values = new Map(renderSection(kept, layout, asRoot).values);
      values.set("command", `/opt/node ${words}${layout.keeper} ${layout.keptProgram("shop")}`);
      return compareFacts(factsOfPlan(kept, layout, asRoot), factsOfSection(values));
    };
    const [one, ...rest] = compared("--jitless ");
    assert.deepEqual([one?.what, one?.isEssential, rest], ["command", false, []]);
    assert.match(one?.text ?? "", /no --max-semi-space-size=1 --expose-gc for the keeper's Node/);
    assert.deepEqual(compared(`--max-http-header-size=1024 ${KEEPER_NODE_FLAGS.join(" ")} `), []);
  });

  test("a missing option has supervisor's default", () => {
    const bare = compareFacts(wanted, factsOfSection(new Map([["command", "/x"]]))).map((one) => one.what);
    assert.deepEqual(bare, [
      "command",
      "environment",
      "environment",
      "user",
      "directory",
      "startsecs",
      "stopwaitsecs",
      "killasgroup",
    ]);
  });
});
