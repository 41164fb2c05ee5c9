import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PRESET_NAMES } from "../../../../../agent/wire/plan.ts";
import { parseConfig } from "../../../../../cli/core/config.ts";
import { type FolderTexts, lookAtFolder, plainName } from "../../../../../cli/core/init/look.ts";
import { listenAddress, renderDeployYml } from "../../../../../cli/core/init/render.ts";

const go = (module: string, more: FolderTexts = {}): FolderTexts => ({
  "go.mod": `module example.com/team/shop/v2\n\ngo 1.21\n\nrequire (\n\t${module} v1.0.0\n)\n`,
  "main.go": 'var a = flag.String("addr", ":8080", "")',
  ...more,
});
const HEALTH = "http://127.0.0.1:9000/healthz";

/** Kinds of folders, and what is seen in each. */
const KINDS: Readonly<Record<string, readonly [FolderTexts, { preset: string; name: string; command: RegExp }]>> = {
  overseer: [
    go("github.com/jpillora/overseer"),
    { preset: "overseer", name: "shop", command: /^bin\/shop -addr HOST:PORT$/ },
  ],
  grace: [go("github.com/facebookgo/grace"), { preset: "grace", name: "shop", command: /^bin\/shop/ }],
  "grace's archive": [go("github.com/facebookarchive/grace"), { preset: "grace", name: "shop", command: /^bin\/shop/ }],
  endless: [go("github.com/fvbock/endless"), { preset: "endless", name: "shop", command: /^bin\/shop/ }],
  gracehttp: [go("github.com/tabalt/gracehttp"), { preset: "gracehttp", name: "shop", command: /^bin\/shop/ }],
  tableflip: [go("github.com/cloudflare/tableflip"), { preset: "tableflip", name: "shop", command: /^bin\/shop/ }],
  "Go without a library": [go("github.com/gin-gonic/gin"), { preset: "restart", name: "shop", command: /^bin\/shop/ }],
  "Go that reads LISTEN_FDS": [
    go("golang.org/x/sys", { "main.go": 'os.Getenv("LISTEN_FDS")' }),
    { preset: "systemd-socket", name: "shop", command: /^bin\/shop$/ },
  ],
  "Go under cmd/": [
    { "go.mod": "module shop\n", "cmd/web/main.go": "package main" },
    { preset: "restart", name: "shop", command: /^bin\/shop$/ },
  ],
  "gunicorn in requirements.txt": [
    { "requirements.txt": "flask==3\ngunicorn==20.1\n", "shop/wsgi.py": "application = make()" },
    { preset: "gunicorn", name: "folder", command: /--chdir \{current\} --bind HOST:PORT shop\.wsgi:application$/ },
  ],
  "gunicorn in pyproject.toml": [
    {
      "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["gunicorn"]\n',
      "app.py": "def app(environ, start):",
    },
    { preset: "gunicorn", name: "shop", command: /app:app$/ },
  ],
  uWSGI: [
    { "uwsgi.ini": "[uwsgi]\n" },
    { preset: "uwsgi", name: "folder", command: /uwsgi --ini \{current\}\/uwsgi\.ini/ },
  ],
  "Node with package.json": [
    { "package.json": '{"name":"@team/shop","scripts":{"start":"node lib/main.js","build":"tsc"}}' },
    { preset: "restart", name: "shop", command: /^\/usr\/bin\/node \{current\}\/lib\/main\.js$/ },
  ],
  "Node that takes its sockets": [
    { "server.mjs": 'process.env.LISTEN_FDS; parseArgs({ options: { addr: { type: "string" } } })' },
    { preset: "node", name: "folder", command: /server\.mjs --addr HOST:PORT$/ },
  ],
  "a supervisor section alone": [
    { "etc/shop.conf": "[program:shop]\ncommand=/opt/shop/bin/server --port 80\nuser = www-data\n" },
    { preset: "restart", name: "shop", command: /^bin\/server --port 80$/ },
  ],
};

describe("what a folder says of its program, and the deploy.yml that comes of it", () => {
  for (const [kind, [texts, expected]] of Object.entries(KINDS)) {
    test(`${kind} is told, and its deploy.yml can be read`, () => {
      const found = lookAtFolder(texts, "folder");
      assert.ok(found);
      assert.deepEqual({ preset: found.preset, name: found.name }, { preset: expected.preset, name: expected.name });
      assert.match(found.command, expected.command);
      const answers = {
        project: found.name,
        deployTo: `/data/web/${found.name}`,
        hosts: ["deploy@web1", "10.0.0.2:2222"],
      };
      const text = renderDeployYml(found, { ...answers, preset: found.preset, command: found.command, health: HEALTH });
      const { config } = parseConfig(text, "deploy.yml");
      const program = config.programs[found.name];
      assert.equal(program?.reload.preset, expected.preset);
      assert.equal(program?.health?.http, HEALTH);
      assert.deepEqual(
        config.hosts.map(({ name }) => name),
        ["web1", "10.0.0.2"],
      );
      assert.doesNotMatch(text, /HOST:PORT|undefined/);
      assert.match(text, /^# yaml-language-server: \$schema=/);
    });
  }

  test("a section of supervisor's beside a program gives it its name and its user", () => {
    const section = { "supervisor/api.ini": "[program:api]\ncommand=/opt/api/bin/api\nuser=api\n" };
    const found = lookAtFolder({ ...go("github.com/fvbock/endless"), ...section }, "folder");
    assert.deepEqual([found?.name, found?.user, found?.preset], ["api", "api", "endless"]);
    assert.match(found?.notes.join() ?? "", /supervisor\/api\.ini has a section/);
  });

  test("of a Node program whose packages nobody would install, that is said", () => {
    const described = '{"name":"shop","dependencies":{"express":"5"}}';
    const notesOf = (texts: Record<string, string>) => lookAtFolder(texts, "folder")?.notes.join() ?? "";
    assert.match(notesOf({ "package.json": described }), /where the packages come from/);
    assert.doesNotMatch(notesOf({ "package.json": described, "package-lock.json": "{}" }), /packages come from/);
    assert.doesNotMatch(notesOf({ "package.json": "{}" }), /packages come from/);
  });

  test("a Go program that has a variable for its release is told it by the build, and no other is", () => {
    const runOf = (main: string) => lookAtFolder(go("x", { "main.go": main }), "folder")?.build.run ?? "";
    for (const main of ['var release = "unknown"', "var release string", 'var (\n\tname = "x"\n\trelease = "dev"\n)']) {
      assert.match(runOf(main), /go build -ldflags "-X main\.release=\$ZDR_TAG" -o/);
    }
    assert.match(runOf('var version = "dev"'), /-X main\.version=/);
    assert.doesNotMatch(runOf('const release = "x"\nvar releases int'), /ldflags/);
  });

  test("a folder that says nothing is not taken for anything", () => {
    assert.equal(lookAtFolder({ "notes.txt": "gunicorn" }, "folder"), undefined);
    assert.equal(lookAtFolder({ "requirements.txt": "flask" }, "folder"), undefined);
  });

  test("every preset gives a deploy.yml that can be read, also without a health check", () => {
    for (const preset of PRESET_NAMES) {
      const answers = { project: "on", deployTo: "/data/web/x", hosts: ["local"], preset, command: "bin/x" };
      const health = preset === "graceful-url" || preset === "restart" ? HEALTH : undefined;
      const { config } = parseConfig(renderDeployYml(undefined, { ...answers, health }), "deploy.yml");
      assert.equal(config.programs.on?.reload.preset, preset);
    }
  });

  test("the address that a program listens on is the one that its health check asks", () => {
    assert.equal(listenAddress(HEALTH), "127.0.0.1:9000");
    assert.equal(listenAddress("http://localhost/healthz"), "localhost:80");
    assert.equal(listenAddress(undefined), "127.0.0.1:8080");
  });

  test("names become names that deploy.yml can have", () => {
    assert.deepEqual(["My Shop!", "@x", "...", "shop.web"].map(plainName), ["My-Shop", "x", "app", "shop.web"]);
  });
});
