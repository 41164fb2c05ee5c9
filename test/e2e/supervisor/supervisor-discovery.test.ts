/** supervisord and its programs are found where supervisor's own code finds them: it is asked about the same files. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AgentError } from "../../../agent/core/failure.ts";
import { openSupervisor } from "../../../agent/io/supervisor/supervisor.ts";
import { findSupervisor, type ResolvedAddress } from "../../../agent/io/supervisor/supervisor-discovery.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import { runOk } from "../../support/processes.ts";

const PYTHON = "/usr/bin/python3";
const ENV = { HOME: "/home/me", WHO: "deploy", PATH: "/usr/bin:/bin" };

// What supervisorctl would connect to: for each case its argv[0] and options, in its folder. null stands for a refusal.
const ORACLE = `
import contextlib, io, json, os, sys
from supervisor.options import ClientOptions

def address(case):
    os.chdir(case['cwd'])
    sys.argv[0] = case['argv0']
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            ClientOptions.stderr = io.StringIO()
            options = ClientOptions()
            options.realize(case['args'] + ['status'], doc='')
            transport = options.getServerProxy()('transport')
        connection = transport._get_connection()
    except (Exception, SystemExit):
        return None
    place = getattr(connection, 'socketfile', None) or [connection.host, connection.port]
    return [options.serverurl, place, options.username, options.password]

json.dump([address(case) for case in json.load(sys.stdin)], sys.stdout)
`;

async function writeTree(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
}

function failureOf(call: () => unknown): AgentFailure {
  try {
    call();
  } catch (error) {
    if (error instanceof AgentError) return error.failure;
    throw error;
  }
  throw new Error("it did not fail");
}

const inTheSameForm = (found: ResolvedAddress) => [
  found.url,
  found.kind === "unix" ? found.path : [found.host, found.port],
  found.username ?? null,
  found.password?.reveal() ?? null,
];

describe("supervisord is found where supervisorctl finds it", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp("/tmp/zdr-find-");
  });
  after(() => rm(dir, { recursive: true }));

  const SECTIONS = [
    "serverurl=unix:///run/s.sock",
    "serverurl = unix://%(here)s/../s.sock ; comment\nusername=u;v\npassword=p%%d # x",
    "serverurl=unix://~/s.sock\nusername=%(ENV_WHO)s",
    "serverurl=unix://~root/s.sock",
    "serverurl=unix://~nosuchuser/s.sock",
    "serverurl=unix://run/./s.sock//\nusername=\npassword=",
    "SERVERURL:http://Localhost:9002/RPC2/",
    "serverurl=http://[::1]:9001",
    "serverurl=http://127.0.0.1",
    "serverurl=https://web1:9001",
    "serverurl=UNIX:///run/s.sock",
    'serverurl="unix:///run/s.sock"',
    "serverurl=/run/s.sock",
    "serverurl=unix://%(ENV_NOSUCH)s",
    "serverurl=unix://100%",
    "username=%(here)s",
    "",
    "serverurl=unix:///a\nserverurl=unix:///b\n[x]\n[supervisorctl]\nserverurl=unix:///c",
  ];

  test("with each kind of serverurl, user and password that a config may hold", async () => {
    await mkdir(join(dir, "conf/real"), { recursive: true });
    await writeTree(
      join(dir, "conf"),
      Object.fromEntries(SECTIONS.map((text, n) => [`${n}.conf`, `[supervisorctl]\n${text}\n`])),
    );
    await writeTree(join(dir, "conf"), {
      "none.conf": "[unix_http_server]\nfile=/run/s.sock\n",
      "default.conf": "[DEFAULT]\nserverurl=unix:///d\n[supervisorctl]\n",
      "include.conf": "[include]\nfiles=0.conf\n",
      "real/x.conf": "[supervisorctl]\nserverurl=unix://%(here)s/s.sock\n",
    });
    await symlink("real/x.conf", join(dir, "conf/link.conf"));
    const names = [...SECTIONS.keys(), "none", "default", "include", "link"].map((name) => `conf/${name}.conf`);
    const paths = [...names, join(dir, "conf/0.conf"), "./conf/../conf/1.conf", "conf/missing.conf"];
    const cases = paths.map((path) => ({ cwd: dir, argv0: "/usr/bin/supervisorctl", args: ["-c", path] }));
    const expected = await ask(cases);
    for (const [index, path] of paths.entries()) {
      let ours: unknown = null;
      try {
        ours = inTheSameForm(findSupervisor({ config: path }, { cwd: dir, env: ENV }));
      } catch (error) {
        assert.ok(error instanceof AgentError && error.failure.reason === "supervisor-config", path);
      }
      assert.deepEqual(ours, expected[index], `${path}: ${SECTIONS[index]}`);
    }
    assert.ok(expected.filter((address) => address !== null).length > 10);
  });

  test("beside the command that was called, then in the working folder, before /etc", async () => {
    const at = (name: string) => `[supervisorctl]\nserverurl=unix:///${name}\n`;
    const tree = { "venv/etc/supervisord.conf": at("venv-etc"), "alt/supervisord.conf": at("alt") };
    await writeTree(join(dir, "search"), tree);
    await writeTree(join(dir, "search/here"), { "supervisord.conf": at("here"), "etc/supervisord.conf": at("no") });
    await writeTree(join(dir, "search/there"), { "etc/supervisord.conf": at("there") });
    await mkdir(join(dir, "search/empty"));
    const cases = ["venv/bin/supervisorctl", "alt/bin/supervisorctl", "nowhere/bin/supervisorctl"].flatMap((argv0) =>
      ["here", "there", "empty"].map((cwd) => ({
        argv0: join(dir, "search", argv0),
        cwd: join(dir, "search", cwd),
        args: [],
      })),
    );
    const expected = await ask(cases);
    for (const [index, { argv0, cwd }] of cases.entries()) {
      const ours = findSupervisor({}, { cwd, env: ENV, argv0 });
      assert.deepEqual(inTheSameForm(ours), expected[index], `${argv0} in ${cwd}`);
    }
    assert.equal(expected[6]?.[0], "unix:///here");
  });

  test("beside the first supervisorctl on PATH, as a shell would call it", async () => {
    await writeTree(join(dir, "pip"), {
      "bin/supervisorctl": "#!/bin/sh\n",
      "etc/supervisord.conf": "[supervisorctl]\nserverurl=unix:///pip\n",
      "not/supervisorctl": "",
    });
    await chmod(join(dir, "pip/bin/supervisorctl"), 0o755);
    const env = { ...ENV, PATH: `${dir}/pip/not:${dir}/pip/bin:/usr/bin` };
    const found = findSupervisor({}, { cwd: dir, env });
    assert.equal(found.url, "unix:///pip");
    assert.equal(found.configPath, join(dir, "pip/etc/supervisord.conf"));
  });

  test("and a folder that is closed to this user is passed over, as supervisorctl does", async () => {
    await writeTree(join(dir, "closed"), { "etc/supervisord.conf": "[supervisorctl]\nserverurl=unix:///closed\n" });
    await writeTree(join(dir, "open"), { "supervisord.conf": "[supervisorctl]\nserverurl=unix:///open\n" });
    await chmod(join(dir, "closed/etc"), 0o700);
    await chmod(dir, 0o755);
    process.seteuid?.("nobody");
    try {
      const argv0 = join(dir, "closed/bin/supervisorctl");
      const found = findSupervisor({}, { cwd: join(dir, "open"), env: ENV, argv0 });
      assert.equal(found.url, "unix:///open");
    } finally {
      process.seteuid?.(0);
    }
  });

  test("unless deploy.yml says otherwise: its words win one by one", async () => {
    const text = "[supervisorctl]\nserverurl=unix:///of-file\nusername=file\npassword=of-file\n";
    await writeTree(dir, { "own.conf": text });
    const context = { cwd: dir, env: ENV };
    const both = findSupervisor({ url: "http://web1:9", config: "own.conf", username: "mine" }, context);
    assert.deepEqual(inTheSameForm(both), ["http://web1:9", ["web1", 9], "mine", "of-file"]);
    assert.equal(both.configPath, join(dir, "own.conf"));
    const alone = findSupervisor({ url: "unix://s.sock" }, { ...context, argv0: join(dir, "bin/supervisorctl") });
    assert.deepEqual(inTheSameForm(alone), [`unix://${dir}/s.sock`, `${dir}/s.sock`, null, null]);
    assert.equal(failureOf(() => findSupervisor({ url: "s.sock" }, context)).reason, "supervisor-config");
  });

  test("and a password does not come out when the address is printed", async () => {
    const found = findSupervisor({ url: "unix:///s", username: "u", password: "hidden" }, { cwd: dir, env: ENV });
    assert.ok(!JSON.stringify(found).includes("hidden"));
    assert.ok(!`${found.password}`.includes("hidden"));
    assert.equal(found.password?.reveal(), "hidden");
  });

  test("or it is said where was looked, when nothing names it and nothing answers", async () => {
    const searched = ["/nowhere/etc/supervisord.conf", "supervisord.conf"];
    const address: ResolvedAddress = { kind: "http", url: "http://localhost:1", host: "localhost", port: 1, searched };
    const error: unknown = await openSupervisor(address)
      .getPID()
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof AgentError);
    assert.deepEqual(error.failure, { reason: "supervisor-not-found", searched });
  });
});

interface Question {
  readonly cwd: string;
  readonly argv0: string;
  readonly args: readonly string[];
}
type Answer = readonly [string, string | [string, number], string | null, string | null] | null;

async function ask(questions: readonly Question[]): Promise<readonly Answer[]> {
  return JSON.parse(await runOk([PYTHON, "-c", ORACLE], { input: JSON.stringify(questions), env: ENV }));
}
