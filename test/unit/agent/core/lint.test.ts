import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layoutOf } from "../../../../agent/core/layout.ts";
import { type LintInput, lintProgram } from "../../../../agent/core/lint.ts";
import { PRESETS } from "../../../../agent/core/presets.ts";
import type { ConfigInfo } from "../../../../agent/core/section/facts.ts";
import { renderSection } from "../../../../agent/core/section.ts";
import { supervisorctl } from "../../../../agent/core/supervisor/ctl.ts";
import type { ProgramPlan } from "../../../../agent/wire/plan.ts";
import { programPlan } from "../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");
const overseer = programPlan("overseer");
const watching = programPlan("overseer-watch");
const grace = programPlan("grace");
const server = programPlan("node", { command: ["/usr/bin/node", "{current}/server.mjs"] });
const pair = programPlan("bluegreen", { listen: [{ host: "127.0.0.1", port: 8080 }] });
const gunicorn = programPlan("gunicorn", { command: ["venv/bin/gunicorn", "--chdir", "{current}", "app:app"] });
const plain = programPlan("restart");

function lint(program: ProgramPlan, rest: Partial<LintInput> = {}): string[] {
  const findings = lintProgram({ program, layout, supervisorIsRoot: true, ...rest });
  return findings.map((one) => `${one.level} ${one.rule}`);
}

/** The rendered section with some values of an administrator's own, without what it then differs in from the plan. */
function lintSection(program: ProgramPlan, changes: Record<string, string | undefined>): string[] {
  const section = new Map(renderSection(program, layout, { supervisorIsRoot: true }).values);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) section.delete(key);
    else section.set(key, value);
  }
  return lint(program, { section }).filter((one) => !one.endsWith("section-differs"));
}

describe("a section that setup rendered", () => {
  for (const [name, program] of Object.entries({ overseer, watching, pair, gunicorn, plain, grace, server })) {
    test(`of ${name} has no findings, neither before nor after it is there`, () => {
      assert.deepEqual(lint(program), []);
      assert.deepEqual(lintSection(program, {}), []);
    });
  }
});

describe("a section of somebody else's", () => {
  const cases: [name: string, program: ProgramPlan, changes: Record<string, string | undefined>, findings: string[]][] =
    [
      ["names a release", plain, { command: "/data/web/shop/releases/v1/bin/shop" }, ["refuse command-names-release"]],
      [
        "names a release in an option",
        plain,
        { command: "/usr/bin/env X=/data/web/shop/releases/v1 /data/web/shop/current/a" },
        ["refuse command-names-release"],
      ],
      ["has a relative command", plain, { command: "bin/shop" }, ["refuse command-relative"]],
      ["does not go through current", plain, { command: "/data/web/shop/bin/shop" }, ["refuse command-not-current"]],
      ["runs a tool from elsewhere", plain, { command: "/usr/local/bin/shop -v" }, ["refuse command-not-current"]],
      [
        "runs an interpreter on a script in current",
        plain,
        { command: "/usr/bin/node /data/web/shop/current/server.js" },
        [],
      ],
      [
        "runs a tool with a folder that only looks like current",
        plain,
        { command: "/usr/bin/node /data/web/shop/current-old/a" },
        ["refuse command-not-current"],
      ],
      [
        "starts a slot that nobody renews",
        plain,
        { command: "/data/web/shop/run/shop/shop" },
        ["refuse command-not-current"],
      ],
      [
        "of overseer goes through current",
        overseer,
        { command: "/data/web/shop/current/bin/shop" },
        ["refuse command-not-slot"],
      ],
      [
        "of overseer starts another slot",
        overseer,
        { command: "/data/web/shop/run/other/shop" },
        ["refuse command-not-slot"],
      ],
      [
        "of overseer names a release",
        overseer,
        { command: "/data/web/shop/releases/v1/bin/shop" },
        ["refuse command-names-release"],
      ],
      [
        "of grace has no keeper",
        grace,
        { command: "/data/web/shop/current/bin/shop", autorestart: "true" },
        ["refuse command-not-keeper"],
      ],
      [
        "of grace has the keeper of another program",
        grace,
        { command: "/usr/bin/node /data/web/shop/lib/keeper.cjs /data/web/shop/run/other.json" },
        ["refuse command-not-keeper"],
      ],
      [
        "of grace runs its keeper by another Node, with options of it",
        grace,
        { command: "/opt/node --jitless /data/web/shop/lib/keeper.cjs /data/web/shop/run/shop.json" },
        [],
      ],
      ["of grace stops the whole group", grace, { stopasgroup: "true" }, ["refuse stopasgroup"]],
      [
        "of grace says that it was handed over to",
        grace,
        { environment: 'ZDR_CURRENT="/data/web/shop/current",LISTEN_FDS="1"' },
        ["refuse environment-handover"],
      ],
      ["of overseer leaves preemption on", overseer, { environment: undefined }, ["refuse overseer-preemption"]],
      [
        "of overseer sets another GODEBUG",
        overseer,
        { environment: 'GODEBUG="gctrace=1"' },
        ["refuse overseer-preemption"],
      ],
      [
        "of overseer takes GODEBUG from supervisord's environment",
        overseer,
        { environment: 'GODEBUG="%(ENV_GODEBUG)s"' },
        [],
      ],
      ["of overseer stops the whole group", overseer, { stopasgroup: "true" }, ["warn stopasgroup"]],
      [
        "of a pair puts a shell before the program, which then holds supervisord's socket by itself",
        pair,
        { command: "/bin/sh -c '/data/web/shop/current/bin/shop; true'" },
        ["refuse fcgi-shell"],
      ],
      [
        "of a pair gives Node the socket at fd 0",
        pair,
        { command: "/usr/bin/node /data/web/shop/current/server.mjs" },
        ["warn fcgi-node"],
      ],
      [
        "has supervisord open a socket for a keeper",
        server,
        { socket: "tcp://127.0.0.1:8080" },
        ["refuse fcgi-keeper"],
      ],
      [
        "has supervisord open a socket for one process",
        plain,
        { socket: "tcp://127.0.0.1:8080" },
        ["warn fcgi-single"],
      ],
      [
        "of overseer's fetcher lets it move its binary through /tmp",
        watching,
        { environment: 'GODEBUG="asyncpreemptoff=1",TMPDIR="/tmp"' },
        ["warn overseer-temporary"],
      ],
      ["of gunicorn stops the whole group", gunicorn, { stopasgroup: "true" }, []],
      [
        "of gunicorn has no --chdir",
        gunicorn,
        { command: "/usr/bin/gunicorn -D /data/web/shop/current" },
        ["refuse gunicorn-chdir"],
      ],
      [
        "of gunicorn stands in current without --chdir",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn a:a", directory: "/data/web/shop/current" },
        ["refuse gunicorn-chdir"],
      ],
      [
        "of gunicorn stands in current by PWD",
        gunicorn,
        {
          command: "/data/web/shop/current/gunicorn a:a",
          directory: "/data/web/shop/current",
          environment: 'PWD="/data/web/shop/current"',
        },
        [],
      ],
      [
        "of gunicorn has a PWD that is not its folder",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn a:a", environment: 'PWD="/data/web/shop/current"' },
        ["refuse gunicorn-chdir"],
      ],
      [
        "of gunicorn has --chdir to a fixed place",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn --chdir=/srv/app a:a" },
        ["refuse gunicorn-chdir"],
      ],
      [
        "of gunicorn has --chdir below current",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn --chdir=/data/web/shop/current/app/ a:a" },
        [],
      ],
      [
        "of gunicorn has a config file that may chdir",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn -c g.py a:a" },
        ["warn gunicorn-chdir"],
      ],
      [
        "of gunicorn preloads",
        gunicorn,
        { command: "/data/web/shop/current/gunicorn --chdir /data/web/shop/current --preload a:a" },
        ["refuse gunicorn-preload"],
      ],
      [
        "of gunicorn preloads by its environment",
        gunicorn,
        { environment: 'GUNICORN_CMD_ARGS="--workers 2 --preload"' },
        ["refuse gunicorn-preload"],
      ],
      [
        "puts a shell between",
        programPlan("restart", { reload: { strategy: "signal", signal: "HUP", drainMs: 0 } }),
        { command: "/bin/sh -c 'cd / && /data/web/shop/current/a'" },
        ["warn command-shell"],
      ],
      [
        "puts a shell between that goes away",
        programPlan("restart", { reload: { strategy: "signal", signal: "HUP", drainMs: 0 } }),
        { command: "/bin/sh -c 'cd / && exec /data/web/shop/current/a'" },
        [],
      ],
      ["stands in a release", plain, { directory: "/data/web/shop/releases/v1" }, ["refuse directory-names-release"]],
      ["of overseer stands in current", overseer, { directory: "/data/web/shop/current" }, ["warn directory-current"]],
      [
        "says that it was handed over",
        plain,
        { environment: "LISTEN_FDS=1,OVERSEER_IS_SLAVE=1,FINE=1" },
        ["refuse environment-handover", "refuse environment-handover"],
      ],
      ["calls dead processes RUNNING", plain, { startsecs: undefined }, ["warn startsecs"]],
      ["kills what drains", overseer, { stopwaitsecs: "10" }, ["warn stopwaitsecs"]],
      ["leaves orphans", plain, { killasgroup: undefined }, ["warn killasgroup"]],
      [
        "logs into a release",
        plain,
        { stdout_logfile: "/data/web/shop/current/log/out", stderr_logfile: "NONE" },
        ["warn log-in-release"],
      ],
      ["logs into shared", plain, { stdout_logfile: "/data/web/shop/shared/log/out" }, []],
    ];
  for (const [name, program, changes, findings] of cases) {
    test(`that ${name}: ${findings.join(", ") || "nothing to say"}`, () => {
      assert.deepEqual(lintSection(program, changes), findings);
    });
  }
});

describe("deploy.yml itself", () => {
  const cases: [name: string, program: ProgramPlan, findings: string[]][] = [
    [
      "lets gunicorn stay in its folder",
      { ...gunicorn, command: ["venv/bin/gunicorn", "a:a"] },
      ["refuse gunicorn-chdir"],
    ],
    [
      "climbs out of current",
      { ...plain, command: ["../bin/shop"] },
      ["refuse command-climbs", "refuse command-not-current"],
    ],
    [
      "names the release of the day",
      { ...plain, command: ["bin/shop", "{release}/x"] },
      ["refuse command-names-release"],
    ],
    ["puts a quote into the environment", { ...plain, environment: { A: '"' } }, ["refuse unwritable"]],
    [
      "waits too short a time",
      { ...overseer, startSeconds: 1, stopSeconds: 5 },
      ["warn startsecs", "warn stopwaitsecs"],
    ],
  ];
  for (const [name, program, findings] of cases) {
    test(`that ${name}: ${findings.join(", ")}`, () => assert.deepEqual(lint(program), findings));
  }
});

test("a section that the keeper runs, of a preset that deploy.yml has changed, is one finding with one remedy", () => {
  const config: ConfigInfo = {
    ...{
      command: "/usr/bin/node /data/web/shop/lib/keeper.cjs /data/web/shop/run/shop.json",
      directory: "/data/web/shop",
    },
    ...{ autostart: true, startsecs: 2, stopwaitsecs: 35, stopsignal: 15, killasgroup: true },
    ...{ stdout_logfile: "auto", stderr_logfile: "none" },
  };
  assert.deepEqual(lint(plain, { config }), ["refuse section-differs"]);
});

describe("what supervisord read last", () => {
  const config: ConfigInfo = {
    command: "/data/web/shop/run/shop/shop -addr :8080",
    directory: "/data/web/shop",
    autostart: true,
    startsecs: 2,
    stopwaitsecs: 30,
    stopsignal: 15,
    killasgroup: true,
    stdout_logfile: "auto",
    stderr_logfile: "none",
  };

  test("is enough for a verdict, and what it does not tell is not guessed about", () => {
    assert.deepEqual(lint(overseer, { config }), []);
    assert.deepEqual(
      lint(gunicorn, {
        config: { ...config, command: "/data/web/shop/current/gunicorn", directory: "/data/web/shop/current" },
      }),
      ["refuse section-differs", "warn gunicorn-chdir"],
    );
  });

  test("beats the file, which may have been changed since", () => {
    const section = new Map([
      ["command", "/data/web/shop/releases/v1/bin/shop"],
      ["environment", "GODEBUG=asyncpreemptoff=1"],
    ]);
    assert.deepEqual(
      lint(overseer, {
        config,
        section: new Map([...section, ["environment", 'GODEBUG="asyncpreemptoff=1"'], ["killasgroup", "true"]]),
      }),
      [],
    );
  });

  test("that is another command than deploy.yml's is refused with both", () => {
    const [finding] = lintProgram({
      program: plain,
      layout,
      config: { ...config, command: "/data/web/shop/current/bin/old" },
      supervisorIsRoot: true,
    });
    assert.equal(finding?.rule, "section-differs");
    assert.match(finding.text, /bin\/old there and \/data\/web\/shop\/current\/bin\/shop -addr :8080 by deploy\.yml/);
    assert.match(finding.fix, /supervisorctl update shop/);
    const ctl = supervisorctl("/home/me/supervisord.conf");
    const command = "/data/web/shop/current/bin/old";
    const [own] = lintProgram({ program: plain, layout, config: { ...config, command }, supervisorIsRoot: true, ctl });
    assert.match(own?.fix ?? "", /supervisorctl -c \/home\/me\/supervisord\.conf update shop/);
    assert.equal(supervisorctl("/etc/supervisor/supervisord.conf"), "supervisorctl");
  });
});

describe("a section with another number of processes", () => {
  const values = renderSection(pair, layout, { supervisorIsRoot: true }).values;
  const textOf = (section: ReadonlyMap<string, string>) =>
    lintProgram({ program: pair, layout, supervisorIsRoot: true, section }).map((one) => `${one.level} ${one.text}`);

  test("or another socket than deploy.yml's is refused", () => {
    const other = new Map([...values, ["numprocs", "1"], ["socket", "tcp://127.0.0.1:9"]] as const);
    assert.match(textOf(other).join(), /refuse .*numprocs is 1 there and 2 by deploy.yml; socket is tcp:.*:9 there/);
  });

  test("is nobody's business where deploy.yml has one of them only", () => {
    const one = programPlan("restart", { process: "web:shop_00" });
    const section = new Map([
      ...renderSection(one, layout, { supervisorIsRoot: true }).values,
      ["numprocs", "3"],
    ] as const);
    assert.deepEqual(lint(one, { section }), []);
  });
});

test("every preset says in one sentence what its library can not do", () => {
  for (const preset of Object.values(PRESETS)) assert.match(preset.cannot, /can not [^.]+$/);
});
