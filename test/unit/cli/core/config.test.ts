import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { toJSONSchema } from "zod";
import { PRESET_NAMES } from "../../../../agent/wire/plan.ts";
import { configSchema } from "../../../../cli/core/config/schema.ts";
import { parseConfig, pathText } from "../../../../cli/core/config.ts";
import { ZdrError } from "../../../../cli/failure.ts";

const LEAST = [
  "project: shop",
  "deploy_to: /data/web/shop",
  "build: { path: dist/ }",
  "hosts: [web1]",
  "programs:",
  "  shop:",
  "    command: bin/shop",
  "    reload: overseer",
];

/** The least config with some of its lines (from 1) replaced, and more behind them. */
function changed(lines: Record<number, string>, ...more: string[]): string {
  return `${[...LEAST.map((line, index) => lines[index + 1] ?? line), ...more].join("\n")}\n`;
}

const ROOT_KEYS =
  "project, deploy_to, build, hosts, inventory, rollout, hooks, notify, programs, shared, keep, modes, allow_setuid, proof, supervisor, ssh, node";

function configOf(text: string, environment: Record<string, string> = {}) {
  return parseConfig(text, "deploy.yml", environment).config;
}

/** Each problem as `line:column path: problem (suggestion)`. */
function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  try {
    parseConfig(text, "deploy.yml", environment);
  } catch (error) {
    assert.ok(error instanceof ZdrError && error.failure.kind === "config", inspect(error));
    return error.failure.problems.map(({ place, path, problem, suggestion }) => {
      assert.equal(place?.file, "deploy.yml");
      const what = path === "" ? problem : `${path}: ${problem}`;
      return `${place.line}:${place.column} ${what}${suggestion === undefined ? "" : ` (${suggestion})`}`;
    });
  }
  return [];
}

function refuses(cases: readonly (readonly [text: string, ...problems: string[]])[]): void {
  for (const [text, ...problems] of cases) assert.deepEqual(problemsOf(text), problems, text);
}

describe("a config that is right", () => {
  test("what it leaves out has the documented default", () => {
    const config = configOf(changed({}));
    assert.equal(config.keep, 5);
    assert.equal(config.modes, "normalize");
    assert.equal(config.proof, "best");
    assert.deepEqual(config.shared, { dirs: [], files: [] });
    assert.deepEqual(config.supervisor, {});
    assert.deepEqual(config.ssh, {
      ...{ key: [], known_hosts: [], transport: "builtin", connect_timeout: 10_000 },
      ...{ heartbeat: 5_000, silence: 30_000 },
    });
    const { autostart, start_seconds, stop_seconds, watch, environment } = config.programs.shop ?? assert.fail();
    assert.deepEqual(
      { autostart, start_seconds, stop_seconds, watch, environment },
      {
        ...{ autostart: true, start_seconds: 2, stop_seconds: undefined, watch: 10_000, environment: {} },
      },
    );
  });

  test("it knows its file and its folder", () => {
    const { file, folder } = parseConfig(changed({}), "config/deploy.yml").config;
    assert.deepEqual({ file, folder }, { file: "config/deploy.yml", folder: "config" });
  });

  test("a byte order mark and CRLF change nothing", () => {
    const text = changed({});
    const windows = `\uFEFF${text.replaceAll("\n", "\r\n")}`;
    assert.deepEqual(configOf(windows), configOf(text));
    assert.deepEqual(problemsOf(windows.replace("web1", "web 1")), ["4:9 hosts[0]: is no host name or IP address"]);
  });

  test("numbers in an environment and in a command are taken as they are written", () => {
    const { environment, command } =
      configOf(
        changed(
          { 7: "    command: [bin/shop, 8080, 1.10, 007, true]" },
          "    environment: { PORT: 8080, VERSION: 1.10, ZIP: 007, DEBUG: true, HEX: 0x1F }",
        ),
      ).programs.shop ?? assert.fail();
    assert.deepEqual(environment, { PORT: "8080", VERSION: "1.10", ZIP: "007", DEBUG: "true", HEX: "0x1F" });
    assert.deepEqual(command, ["bin/shop", "8080", "1.10", "007", "true"]);
  });

  test("so they are in a hook's command and in a host's labels, and a socket's mode is octal however it is written", () => {
    const { hooks, hosts } = configOf(
      changed(
        { 4: "hosts: [{ name: web1, labels: { zone: 1.10, rack: 007 } }]" },
        "hooks: { before_activate: [{ run: [bin/install, 0644, 1.10, 1e3] }] }",
      ),
    );
    assert.deepEqual(hooks.before_activate?.[0]?.argv, ["bin/install", "0644", "1.10", "1e3"]);
    assert.deepEqual(hosts[0]?.labels, { zone: "1.10", rack: "007" });
    const listening = (mode: string) =>
      changed({ 8: "    reload: { strategy: socket }" }, `    listen: [{ unix: /run/shop.sock, mode: ${mode} }]`);
    assert.deepEqual(configOf(listening("0660")).programs.shop?.listen, [{ path: "/run/shop.sock", mode: 0o660 }]);
    // As a number it would be 432, which are octal digits too.
    assert.deepEqual(problemsOf(listening("0o660")), [
      "9:44 programs.shop.listen[0].mode: is no mode such as 0660 or 0666",
    ]);
  });

  test("aliases and merge keys fill in what programs have in common", () => {
    const { programs } = configOf(
      changed(
        { 6: "  shop: &shop" },
        "    health: &h { http: http://127.0.0.1:80/ }",
        "  jobs:",
        "    <<: *shop",
        "    reload: restart",
      ),
    );
    assert.equal(programs.jobs?.health?.http, "http://127.0.0.1:80/");
    assert.deepEqual(programs.jobs.command, ["bin/shop"]);
    assert.equal(programs.jobs.reload.strategy, "restart");
  });

  test("the place of every value can be told", () => {
    const { placeOf } = parseConfig(changed({ 8: "    reload: {preset: overseer, drain: 10s}" }), "deploy.yml");
    assert.deepEqual(placeOf(["build", "path"]), { file: "deploy.yml", line: 3, column: 16 });
    assert.deepEqual(placeOf(["programs", "shop", "reload", "drain"]), { file: "deploy.yml", line: 8, column: 39 });
    assert.deepEqual(placeOf(["hosts", 0]), { file: "deploy.yml", line: 4, column: 9 });
    assert.deepEqual(placeOf(["keep"]), { file: "deploy.yml", line: 1, column: 1 });
  });

  test("editors get a JSON Schema in which every key is described", () => {
    const schema = toJSONSchema(configSchema(), { io: "input" });
    assert.deepEqual(schema.required, ["project", "deploy_to", "build", "programs"]);
    const keep = schema.properties?.keep;
    assert.ok(typeof keep === "object");
    assert.deepEqual([keep.type, keep.default, keep.minimum], ["integer", 5, 1]);
    assert.match(JSON.stringify(schema), /"enum":\["overseer",("[a-z-]+",)+"restart"\]/);
  });
});

describe("text that is no YAML is refused where it goes wrong", () => {
  test("one problem each, with its line and column", () => {
    refuses([
      ["", "1:1 the file is empty"],
      ["# nothing yet\n", "1:1 the file is empty"],
      ["\uFEFF", "1:1 the file is empty"],
      ["- a\n- b\n", "1:1 must be a mapping (key: value), not a list"],
      ["deploy\n", "1:1 must be a mapping (key: value), not text"],
      [changed({ 8: "\treload: overseer" }), "8:1 a tab stands in the indentation (indent with blanks)"],
      [changed({}, "---", "project: other"), '9:1 a second document begins here ("---"); a deploy.yml is one'],
      [changed({ 3: "build: { path: dist/" }), "4:1 a [ or { that was opened above is not closed before this line"],
      [changed({ 3: "build: 'dist" }), "3:8 a quote is opened here and never closed"],
      [
        changed({ 7: "    command: bin/shop: x" }),
        '7:14 this line holds two times "key: value", or the next one is indented too far (put a text that holds a colon and a blank in quotes)',
      ],
      [changed({ 1: "project: @shop" }), "1:10 a text can not begin with this character (put it in quotes)"],
      [
        changed({ 1: 'project: "sh\\op"' }),
        "1:13 a backslash in double quotes begins an escape that YAML does not know (use single quotes, which leave backslashes alone)",
      ],
      [changed({ 1: "project: !name shop" }), "1:10 a tag (!…) stands here, which means nothing in a deploy.yml"],
      [changed({ 1: "? [project]\n: shop" }), "1:3 a key must be text"],
      [
        changed({ 4: "hosts: [*wbe]", 1: "project: &web shop" }),
        '4:9 *wbe refers to no &wbe above it (did you mean "web"?)',
      ],
      [changed({ 1: "project: &p shop" }, "<<: *p"), "9:1 << takes the alias of a mapping, or a list of such aliases"],
    ]);
  });

  test("thousands of anchors, and of aliases that fit none of them, do not hold a command up", () => {
    const lines = Array.from(
      { length: 8_000 },
      (_, index) => `k${index}: &anchor${index} 1\nl${index}: *alias${index}`,
    );
    const problems = problemsOf(changed({}, ...lines));
    assert.equal(problems.length, 5);
    assert.match(problems[0] ?? "", /\*alias0 refers to no &alias0 above it/);
  });

  test("thousands of mappings that are merged into each other do not hold a command up", () => {
    const lines = Array.from({ length: 1_000 }, (_, at) => `k${at + 1}: &a${at + 1} { <<: *a${at}, y${at}: 1 }`);
    assert.match(
      problemsOf(changed({}, "k0: &a0 { x: 1 }", ...lines))[0] ?? "",
      /its aliases unfold to more than any deploy.yml needs/,
    );
  });

  test("aliases that unfold to millions of values are refused, not unfolded", () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(", ")}]`);
    const [problem, ...more] = problemsOf(["l0: &l0 [x]", ...levels, ""].join("\n"));
    assert.equal(problem, "1:1 its aliases unfold to more than any deploy.yml needs");
    assert.deepEqual(more, []);
    assert.deepEqual(problemsOf("a: &a { <<: *a }\n"), [problem]);
  });

  test("a value that holds itself ends in a problem", () => {
    assert.ok(problemsOf("project: &a [*a]\n").includes("1:13 project: must be text, not a list"));
  });

  test("nesting without end ends in one problem", () => {
    const [problem, ...more] = problemsOf("[".repeat(20_000));
    assert.match(problem ?? "", /^1:\d+ this is nested deeper than any deploy\.yml needs$/);
    assert.deepEqual(more, []);
  });
});

test("whatever is done to a config, it is taken or refused at places that the file has", () => {
  const piece = fc.constantFrom(
    ..."\n\t :-[]{}'\"&*!|>#%@`\\,?~<",
    "a",
    "1",
    "<<: *a",
    "&a ",
    "*a",
    "- ",
    "__proto__: ",
    "\r\n",
    "null",
    "\u0000",
    "é",
  );
  const edit = fc.tuple(fc.nat(400), fc.nat(12), fc.array(piece, { maxLength: 3 }));
  const text = changed(
    {},
    "shared: { dirs: [logs] }",
    "supervisor: &s { url: http://localhost }",
    "ssh:",
    "  <<: *s",
    "  port: 22",
  );
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const edited = edits.reduce(
        (before, [at, cut, pieces]) => before.slice(0, at) + pieces.join("") + before.slice(at + cut),
        text,
      );
      const lines = edited.split("\n");
      for (const problem of problemsOf(edited)) {
        const [, line = "", column = ""] = /^(\d+):(\d+) /.exec(problem) ?? [];
        const length = lines[Number(line) - 1]?.length ?? Number.NaN;
        assert.ok(Number(column) >= 1 && Number(column) <= length + 1, `${problem} in ${JSON.stringify(edited)}`);
      }
    }),
  );
});

describe("a config that is wrong is refused with every place that is wrong", () => {
  test("unknown keys", () => {
    refuses([
      [changed({}, "keap: 5"), '9:1 keap: unknown key (did you mean "keep"?)'],
      [changed({}, "deploy-to: /x"), '9:1 deploy-to: unknown key (did you mean "deploy_to"?)'],
      [
        changed({ 4: "hosts: [{ name: web1, adress: x }]" }),
        '4:23 hosts[0].adress: unknown key (did you mean "address"?)',
      ],
      [changed({}, "health: {}"), "9:1 health: unknown key (it belongs under programs[…])"],
      [changed({}, "    keep: 3"), "9:5 programs.shop.keep: unknown key (it belongs at the top, without indentation)"],
      [changed({ 3: "build: { path: x, zzz: 1 }" }), "3:19 build.zzz: unknown key (known here: run, path)"],
      [changed({}, "__proto__: { keep: 1 }"), `9:1 __proto__: unknown key (known here: ${ROOT_KEYS})`],
      [changed({}, "  __proto__: { command: x }"), "9:3 programs.__proto__: unknown key"],
    ]);
  });

  test("keys that stand there twice", () => {
    refuses([
      [changed({}, "project: other"), "9:1 project: stands in line 1 already"],
      [changed({}, "    command: x"), "9:5 programs.shop.command: stands in line 7 already"],
    ]);
  });

  test("missing and empty values", () => {
    refuses([
      [changed({ 1: "# project" }), "2:1 project: is missing"],
      [changed({ 7: "    # command" }), "6:3 programs.shop.command: is missing"],
      [changed({ 3: "build: { run: make }" }), "3:1 build.path: is missing"],
      [changed({ 4: "hosts:" }), "4:1 hosts: has no value"],
      [changed({ 4: "hosts: []" }), "4:8 hosts: is empty"],
      [changed({ 6: "", 7: "", 8: "" }), "5:1 programs: has no value"],
      [changed({ 5: "programs: {}", 6: "", 7: "", 8: "" }), "5:11 programs: names no program"],
      [changed({}, "shared:"), "9:1 shared: has no value"],
      [changed({ 1: 'project: ""' }), "1:10 project: is empty"],
    ]);
  });

  test("wrong types and numbers out of bounds", () => {
    refuses([
      [changed({ 1: "project: 5" }), "1:10 project: must be text, not a number"],
      [
        changed({}, "ssh: { heartbeat: 5s, silence: 9s }"),
        "9:32 ssh.silence: must be at least twice ssh.heartbeat, or a slow line would count as dead",
      ],
      [changed({}, "keep: five"), "9:7 keep: must be a number, not text"],
      [changed({}, 'keep: "5"'), "9:7 keep: must be a number, not text"],
      [changed({}, "keep: 2.5"), "9:7 keep: must be a whole number, not a fraction"],
      [changed({}, "keep: 0"), "9:7 keep: must be at least 1"],
      [changed({}, "keep: 1001"), "9:7 keep: must be at most 1000"],
      [changed({ 4: "hosts: web1" }), "4:8 hosts: must be a list, not text"],
      [changed({ 4: "hosts: [[web1]]" }), "4:9 hosts[0]: must be text or a mapping (key: value), not a list"],
      [changed({ 3: "build: dist/" }), "3:8 build: must be a mapping (key: value), not text"],
      [changed({}, "    autostart: yes"), "9:16 programs.shop.autostart: must be true or false, not text"],
      [changed({}, "    watch: [10]"), "9:12 programs.shop.watch: must be text or a number, not a list"],
      [changed({}, "    start_seconds: 0"), "9:20 programs.shop.start_seconds: must be at least 1"],
      [
        changed({}, "    environment: { A: [1] }"),
        "9:23 programs.shop.environment.A: must be text or a number or true or false, not a list",
      ],
    ]);
  });

  test("choices", () => {
    refuses([
      [changed({}, "modes: normalise"), '9:8 modes: is none of normalize, preserve (did you mean "normalize"?)'],
      [changed({}, "proof: none"), "9:8 proof: is none of best, required"],
      [
        changed({ 8: "    reload: oversear" }),
        `8:13 programs.shop.reload: is none of ${PRESET_NAMES.join(", ")} (did you mean "overseer"?)`,
      ],
      [
        changed({ 8: "    reload: { strategy: signal, signal: SIGUSR2 }" }),
        '8:41 programs.shop.reload.signal: is none of HUP, USR1, USR2, QUIT, TERM, INT, WINCH, TTIN, TTOU (did you mean "USR2"?)',
      ],
      [
        changed({ 8: "    reload: { strategy: signal }" }),
        "8:5 programs.shop.reload.signal: is missing: strategy signal reloads by one (such as HUP or USR2)",
      ],
    ]);
  });

  test("a place inside a text is told to the character", () => {
    const problem =
      'programs.shop.command: holds "|", but no shell reads this command (put it in quotes if it is meant as it stands)';
    refuses([
      [changed({ 7: "    command: bin/shop | tee log" }), `7:23 ${problem}`],
      [changed({ 7: "    command: 'bin/shop | tee log'" }), `7:24 ${problem}`],
      [changed({ 7: '    command: "bin/shop | tee log"' }), `7:24 ${problem}`],
      [changed({ 7: '    command: "bin\\/shop | tee log"' }), `7:14 ${problem}`],
      [
        changed({ 7: "    command: bin/shop -root {curent}/web" }),
        '7:29 programs.shop.command: holds the unknown placeholder {curent} (did you mean "{current}"?)',
      ],
      [
        changed({ 7: "    command: [bin/shop, '{shard}']" }),
        '7:26 programs.shop.command[1]: holds the unknown placeholder {shard} (did you mean "{shared}"?)',
      ],
    ]);
  });

  test("hosts", () => {
    refuses([
      [changed({ 4: "hosts: [deploy@web1:99999]" }), "4:9 hosts[0]: has a port that is no number from 1 to 65535"],
      [
        changed({ 4: "hosts: [web1, web1]" }),
        "4:15 hosts[1]: is a second host named web1 (give one of them a name of its own)",
      ],
      [changed({ 4: "hosts: [web1, { name: web2, address: WEB1 }]" }), "4:15 hosts[1]: is the same machine as web1"],
      [changed({ 4: "hosts: [local, { name: here, address: local }]" }), "4:16 hosts[1]: is the same machine as local"],
      [changed({ 4: "hosts: [{ user: deploy }]" }), "4:9 hosts[0]: has neither a name nor an address"],
      [
        changed({ 4: "hosts: [{ name: here, address: local, user: me }]" }),
        "4:45 hosts[0].user: is not used for this machine, which is reached without SSH",
      ],
      [
        changed({ 4: "hosts: [{ name: w, address: -oProxyCommand=x }]" }),
        "4:29 hosts[0].address: is no host name or IP address",
      ],
      [
        changed({ 4: "hosts: [{ name: web1, host_key: abc }]" }),
        '4:33 hosts[0].host_key: is no "ssh-ed25519 AAAA…" and no "SHA256:…"',
      ],
    ]);
  });

  test("shared paths inside each other", () => {
    refuses([
      [
        changed({}, "shared: { dirs: [logs], files: [logs/a.log] }"),
        '9:33 shared.files[0]: is inside "logs", which is shared already',
      ],
      [changed({}, "shared: { dirs: [a/b, a] }"), '9:18 shared.dirs[0]: is inside "a", which is shared already'],
      [changed({}, "shared: { dirs: [logs/], files: [logs] }"), "9:34 shared.files[0]: is named twice"],
    ]);
    assert.deepEqual(configOf(changed({}, "shared: { dirs: [a/b, a/bc/] }")).shared.dirs, ["a/b", "a/bc"]);
  });

  test("programs that get in each other's way, or name a release", () => {
    const more = ["  jobs:", "    process: shop", "    command: bin/jobs", "    reload: restart"];
    refuses([
      [changed({}, ...more), "10:5 programs.jobs: is the same process of supervisor as shop"],
      [
        changed({ 7: "    command: [bin/shop, -root, /data/web/shop/releases/v1/web]" }),
        "7:14 programs.shop.command: names a release, and would start it for ever (write {current} instead)",
      ],
      [
        changed({ 7: "    command: /usr/bin/shop" }),
        "7:14 programs.shop.command: is not in the release, but overseer takes a new release by its own file",
      ],
    ]);
    assert.deepEqual(problemsOf(changed({ 7: "    command: /data/web/shop/current/bin/shop" })), []);
  });

  test("a health check of another machine", () => {
    const health = "    health: { http: http://10.0.0.2:80/ }";
    const problem =
      "programs.shop.health.http: is asked on each host itself, and names another machine (write 127.0.0.1 for the host itself)";
    refuses([
      [changed({}, health), `9:21 ${problem}`],
      [changed({ 4: "hosts: [10.0.0.2, 10.0.0.3]" }, health), `9:21 ${problem}`],
    ]);
    assert.deepEqual(problemsOf(changed({ 4: "hosts: [10.0.0.2]" }, health)), []);
    refuses([
      [
        changed({}, "    health: { http: http://127.0.0.1/, timeout: 1s, request_timeout: 2s }"),
        "9:70 programs.shop.health.request_timeout: is longer than health.timeout",
      ],
    ]);
  });

  test("all problems come at once, in the order of the file", () => {
    const text = changed(
      { 1: "project: my shop", 4: "hosts: [web1, web1, 'a b']", 7: "    command: ''" },
      "    health: { http: https://127.0.0.1/, meter: -1 }",
      "keep: x",
      "kep: 3",
    );
    assert.deepEqual(
      problemsOf(text).map((problem) => problem.split(" ", 2).join(" ")),
      [
        "1:10 project:",
        "4:15 hosts[1]:",
        "4:21 hosts[2]:",
        "7:14 programs.shop.command:",
        "9:21 programs.shop.health.http:",
        "9:48 programs.shop.health.meter:",
        "10:7 keep:",
        "11:1 kep:",
      ],
    );
  });
});

describe("secrets", () => {
  const section = "supervisor: { username: zdr, password: { env: SUPERVISOR_PASSWORD } }";

  test("a password is taken from the environment", () => {
    const { supervisor } = configOf(changed({}, section), { SUPERVISOR_PASSWORD: "hunter2" });
    assert.equal(supervisor.password?.reveal(), "hunter2");
  });

  test("a variable that is not set, or empty, is a problem", () => {
    const problem = "9:47 supervisor.password.env: names a variable that is not set in the environment of zdr";
    assert.deepEqual(problemsOf(changed({}, section)), [problem]);
    assert.deepEqual(problemsOf(changed({}, section), { SUPERVISOR_PASSWORD: "" }), [problem]);
  });

  test("a password without a user name is a problem", () => {
    refuses([
      [
        changed({}, "supervisor: { password: x }"),
        "9:1 supervisor.username: is missing: supervisor asks for both or neither",
      ],
    ]);
  });

  test("a password is in no way of printing the config", () => {
    const config = configOf(changed({}, "supervisor: { username: zdr, password: hunter2 }"));
    assert.equal(config.supervisor.password?.reveal(), "hunter2");
    for (const shown of [inspect(config, { depth: 9 }), JSON.stringify(config), `${config.supervisor.password}`]) {
      assert.doesNotMatch(shown, /hunter2/);
    }
  });

  test("no problem repeats a value that could be one", () => {
    for (const text of [
      changed({}, "supervisor: { username: zdr, password: [hunter2] }"),
      changed({}, "supervisor: { username: zdr, password: { hunter: hunter2 } }"),
      changed({}, "supervisor: { url: http://zdr:hunter2@127.0.0.1:9001 }"),
      changed({}, "    health: { http: http://zdr:hunter2@127.0.0.1/ }"),
      changed({}, `    environment: { TOKEN: 'hunter2 "' }`, `    environment: { TOKEN: "hunter2\\q" }`),
      changed({}, "    environment: { TOKEN: @hunter2 }"),
      changed({}, "    environment: { TOKEN: hunter2\\ }", "     hunter2: : {"),
    ]) {
      const problems = problemsOf(text);
      assert.notEqual(problems.length, 0, text);
      assert.doesNotMatch(problems.join("\n"), /hunter2/, text);
    }
  });
});

test("a path is written as people write it", () => {
  assert.equal(pathText(["hosts", 1, "key", 0]), "hosts[1].key[0]");
  assert.equal(pathText([]), "");
});
