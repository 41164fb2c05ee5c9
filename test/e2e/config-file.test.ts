import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ZdrError } from "../../cli/failure.ts";
import { type ConfigSearch, readConfigFile } from "../../cli/io/config-file.ts";

const config = (more = "") =>
  `project: shop\ndeploy_to: /srv/shop\nbuild: { path: dist/ }\nhosts: [web1]\nprograms: { shop: { command: shop, reload: overseer } }\n${more}`;

describe("the config file", () => {
  let folder = "";
  const here = (name: string) => join(folder, name);
  const write = (name: string, content: string | Buffer) => writeFileSync(here(name), content);
  const read = (search: Partial<ConfigSearch> = {}) =>
    readConfigFile({ cwd: folder, env: { HOME: "/home/me" }, ...search });

  /** Each problem as `file:line:column path: problem (suggestion)`, as far as there is such a thing. */
  function problemsOf(search: Partial<ConfigSearch> = {}): string[] {
    try {
      read(search);
    } catch (error) {
      assert.ok(error instanceof ZdrError && error.failure.kind === "config", String(error));
      return error.failure.problems.map(({ place, path, problem, suggestion }) => {
        const where = place === undefined ? "" : `${place.file}:${place.line}:${place.column} `;
        const what = path === "" ? problem : `${path}: ${problem}`;
        return `${where}${what}${suggestion === undefined ? "" : ` (${suggestion})`}`.replaceAll(folder, "");
      });
    }
    return assert.fail("nothing was refused");
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "zdr-config-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test("is deploy.yml, deploy.yaml or config/deploy.yml, the first that is there", () => {
    mkdirSync(here("config"));
    write("config/deploy.yml", config("keep: 3"));
    assert.deepEqual([read().file, read().folder, read().keep], ["config/deploy.yml", here("config"), 3]);
    write("deploy.yaml", config("keep: 2"));
    assert.deepEqual([read().file, read().folder, read().keep], ["deploy.yaml", folder, 2]);
    write("deploy.yml", config("keep: 1"));
    assert.deepEqual([read().file, read().folder, read().keep], ["deploy.yml", folder, 1]);
  });

  test("is not looked for in the folders above", () => {
    write("deploy.yml", config());
    mkdirSync(here("inner"));
    assert.deepEqual(problemsOf({ cwd: here("inner") }), [
      "there is no deploy.yml, deploy.yaml, config/deploy.yml in /inner (begin one: zdr init; or name one: --config PATH)",
    ]);
  });

  test("can be named, absolute or relative to the working folder", () => {
    mkdirSync(here("ops"));
    write("ops/shop.yml", config());
    assert.equal(read({ path: "ops/shop.yml" }).folder, here("ops"));
    assert.equal(read({ path: here("ops/shop.yml"), cwd: "/" }).folder, here("ops"));
    assert.equal(read({ path: "../shop.yml", cwd: here("ops/x") }).file, "../shop.yml");
    assert.deepEqual(problemsOf({ path: "ops/shpo.yml" }), [
      'there is no file ops/shpo.yml (did you mean "shop.yml"?)',
    ]);
    assert.deepEqual(problemsOf({ path: "ops" }), ['ops is a folder (did you mean "ops/deploy.yml"?)']);
    assert.deepEqual(problemsOf({ path: "ops/shop.yml/x" }), ["there is no file ops/shop.yml/x"]);
  });

  test("may be a link to a file, but is a regular file of some size", () => {
    write("real.yml", config());
    symlinkSync("real.yml", here("deploy.yml"));
    assert.equal(read().project, "shop");
    execFileSync("mkfifo", [here("pipe.yml")]);
    assert.deepEqual(problemsOf({ path: "pipe.yml" }), ["pipe.yml is no regular file"]);
    assert.deepEqual(problemsOf({ path: "/dev/zero" }), ["/dev/zero is no regular file"]);
    write("large.yml", config(`# ${"x".repeat(1024 * 1024)}\n`));
    assert.deepEqual(problemsOf({ path: "large.yml" }), ["large.yml is larger than 1 MiB: this is no config"]);
  });

  test("is UTF-8, and the line that is not is told", () => {
    write(
      "deploy.yml",
      Buffer.concat([Buffer.from(config("# caf")), Buffer.from([0xe9, 0x0a]), Buffer.from("keep: 1\n")]),
    );
    assert.deepEqual(problemsOf(), ["deploy.yml:6:1 this line is not UTF-8"]);
    write("deploy.yml", Buffer.from(`\uFEFF${config()}`, "utf16le"));
    assert.deepEqual(problemsOf(), ["deploy.yml:1:1 the file is UTF-16; a config is UTF-8"]);
    write("deploy.yml", config("# café\n"));
    assert.equal(read().project, "shop");
  });

  test("tells its problems by the name that the user gave it", () => {
    write("deploy.yml", config("kep: 3\n"));
    assert.deepEqual(problemsOf(), ['deploy.yml:6:1 kep: unknown key (did you mean "keep"?)']);
    assert.deepEqual(problemsOf({ path: here("deploy.yml") }), [
      '/deploy.yml:6:1 kep: unknown key (did you mean "keep"?)',
    ]);
  });

  test("names local files relative to itself, or to the home of who runs zdr", () => {
    mkdirSync(here("ops/keys"), { recursive: true });
    mkdirSync(here(".ssh"));
    for (const file of ["ops/keys/a", "ops/known", ".ssh/id"]) write(file, "");
    const ssh = `ssh: { key: [keys/a, ~/.ssh/id, ${here("ops/keys/a")}], known_hosts: known }\n`;
    write("ops/deploy.yml", config(ssh).replace("[web1]", "[web1, local, { name: web2, key: ~/.ssh/id }]"));
    const { build, ssh: read_, hosts } = read({ path: "ops/deploy.yml", env: { HOME: folder } });
    assert.equal(build.path, here("ops/dist"));
    assert.deepEqual(read_.key, [here("ops/keys/a"), here(".ssh/id"), here("ops/keys/a")]);
    assert.deepEqual(read_.known_hosts, [here("ops/known")]);
    assert.deepEqual(
      hosts.map((host) => (host.kind === "ssh" ? host.keys : [])),
      [[], [], [here(".ssh/id")]],
    );
  });

  test("files that it names in vain are refused where it names them", () => {
    mkdirSync(here("keys"));
    write("keys/id_a", "");
    write(
      "deploy.yml",
      config("ssh: { key: [keys/id_a, keys/id_b], known_hosts: nowhere }\n").replace(
        "[web1]",
        "[{ name: web1, key: gone }]",
      ),
    );
    assert.deepEqual(problemsOf(), [
      "deploy.yml:4:28 hosts[0].key[0]: there is no /gone",
      'deploy.yml:6:25 ssh.key[1]: there is no /keys/id_b (did you mean "id_a"?)',
      "deploy.yml:6:50 ssh.known_hosts[0]: there is no /nowhere (show the hosts' keys, and write it: zdr trust --write FILE)",
    ]);
  });

  test("a file of known hosts may be yet to be written by who writes it", () => {
    write("deploy.yml", config("ssh: { known_hosts: nowhere }\n"));
    assert.equal(problemsOf().length, 1);
    assert.deepEqual(read({ mayLackKnownHosts: true }).ssh.known_hosts, [here("nowhere")]);
  });

  test("a build that nothing makes must be there for a deploy, and only then", () => {
    mkdirSync(here("disst"));
    write("deploy.yml", config());
    assert.equal(read().build.path, here("dist"));
    assert.deepEqual(problemsOf({ needsBuild: true }), [
      'deploy.yml:3:16 build.path: there is no /dist (did you mean "disst"?)',
    ]);
    write("deploy.yml", config().replace("path: dist/", "path: dist/, run: make"));
    assert.equal(read({ needsBuild: true }).build.run, "make");
  });

  test("a file that can not be opened is told from one that is not there", () => {
    symlinkSync("deploy.yml", here("deploy.yml"));
    write("deploy.yaml", config());
    assert.deepEqual(problemsOf(), ["deploy.yml can not be opened (ELOOP)"]);
  });

  test("a password comes from the environment that zdr was given", () => {
    write("deploy.yml", config("supervisor: { username: zdr, password: { env: SECRET } }\n"));
    assert.equal(read({ env: { HOME: "/", SECRET: "hunter2" } }).supervisor.password?.reveal(), "hunter2");
    assert.deepEqual(problemsOf(), [
      "deploy.yml:6:47 supervisor.password.env: names a variable that is not set in the environment of zdr",
    ]);
  });

  describe("with an environment", () => {
    test("what differs there is merged over it, key by key", () => {
      write("deploy.yml", config("keep: 5\nssh: { user: deploy, port: 2200 }\n"));
      write(
        "deploy.staging.yml",
        "hosts: [stage1]\nkeep: null\nssh: { port: 22 }\nprograms: { shop: { watch: 1s } }\n",
      );
      const { hosts, keep, ssh, programs } = read({ environment: "staging" });
      assert.deepEqual(
        hosts.map(({ name }) => name),
        ["stage1"],
      );
      assert.deepEqual([keep, ssh.user, ssh.port], [5, "deploy", 22]);
      assert.deepEqual([programs.shop?.watch, programs.shop?.command], [1000, ["shop"]]);
    });

    test("a problem is told in the file that it comes from", () => {
      write("deploy.yml", config("kep: 5\n"));
      write("deploy.staging.yml", "ssh:\n  prot: 22\n");
      assert.deepEqual(problemsOf({ environment: "staging" }), [
        'deploy.yml:6:1 kep: unknown key (did you mean "keep"?)',
        'deploy.staging.yml:2:3 ssh.prot: unknown key (did you mean "port"?)',
      ]);
    });

    test("one that there is no file for is refused, with those that there are", () => {
      write("deploy.yml", config());
      write("deploy.staging.yml", "keep: 1\n");
      assert.deepEqual(problemsOf({ environment: "stagin" }), [
        'there is no deploy.stagin.yml for the environment "stagin" (there are: staging)',
      ]);
    });
  });

  describe("with an inventory", () => {
    const without = config().replace("hosts: [web1]\n", "");
    const names = (more: string) => {
      write("deploy.yml", without + more);
      return read().hosts.map(({ name, roles }) => [name, ...roles].join(" "));
    };

    test("hosts come from an Ansible file beside it, or only those of some groups", () => {
      write("hosts.ini", "[web]\nweb[1:2]\n[db]\ndb1\n");
      assert.deepEqual(names("inventory: { ansible: hosts.ini }\n"), ["web1 web", "web2 web", "db1 db"]);
      assert.deepEqual(names("inventory: { ansible: hosts.ini, groups: db }\n"), ["db1 db"]);
    });

    test("key files are found as those of deploy.yml are", () => {
      write("hosts.ini", "web1 ansible_ssh_private_key_file=~/.ssh/web\nweb2 ansible_ssh_private_key_file=keys/web\n");
      write("deploy.yml", `${without}inventory: { ansible: hosts.ini }\n`);
      const keys = read().hosts.flatMap((host) => (host.kind === "ssh" ? host.keys : []));
      assert.deepEqual(keys, ["/home/me/.ssh/web", here("keys/web")]);
    });

    test("hosts come from what a command prints", () => {
      assert.deepEqual(names("inventory: { command: 'printf \"deploy@a\\nb:2222\\n\"' }\n"), ["a", "b"]);
      assert.deepEqual(names("inventory: { command: 'echo [\\\"a\\\"]' }\n"), ["a"]);
    });

    test("a command that fails, prints nothing or names what is no host is refused at its place", () => {
      const problemWith = (command: string) => {
        write("deploy.yml", `${without}inventory: { command: '${command}' }\n`);
        return problemsOf()[0];
      };
      assert.match(problemWith("exit 3") ?? "", /^deploy.yml:5:12 the inventory command ended with 3: exit 3/);
      assert.match(problemWith("kill -TERM $$") ?? "", /the inventory command ended with SIGTERM: kill/);
      assert.match(problemWith("true") ?? "", /has no hosts/);
      assert.match(problemWith("echo a/b") ?? "", /host "a\/b" is no host name/);
    });

    test("without it, and without hosts, nothing is deployed to", () => {
      write("deploy.yml", without);
      assert.match(problemsOf()[0] ?? "", /hosts: is missing/);
    });
  });
});
