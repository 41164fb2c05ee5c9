import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONFIG_LOOKS, type ConfigLook } from "../../../../../agent/core/lint/config-file.ts";

function lookOf(preset: keyof typeof CONFIG_LOOKS): ConfigLook {
  return CONFIG_LOOKS[preset] ?? assert.fail(`${preset} reads no config file`);
}

const lines = (...parts: string[]) => `${parts.join("\n")}\n`;

describe("uwsgi.ini", () => {
  const uwsgi = lookOf("uwsgi");
  const words = ["/usr/bin/uwsgi", "--ini", "/r/uwsgi.ini"];
  const problem = (text: string, more: string[] = []) => uwsgi.problem(text, [...words, ...more]);

  test("is the file that the command line names, with --ini or by itself", () => {
    assert.equal(uwsgi.file(words), "/r/uwsgi.ini");
    assert.equal(uwsgi.file(["uwsgi", "--ini=/r/a.ini", "--http-socket", ":80"]), "/r/a.ini");
    assert.equal(uwsgi.file(["uwsgi", "/r/b.ini"]), "/r/b.ini");
    assert.equal(uwsgi.file(["uwsgi", "--yaml", "/r/c.yaml"]), undefined);
  });

  test("with a master that ends on TERM is in order", () => {
    assert.equal(problem(lines("[uwsgi]", "master = true", "die-on-term=1", "processes = 4")), undefined);
    assert.equal(problem(lines("[uwsgi]", "; daemonize = /log", "  master", "# x", "die-on-term = true")), undefined);
    assert.equal(problem(lines("[uwsgi]", "processes = 4"), ["-M", "--die-on-term"]), undefined);
  });

  test("without a master, or with one that TERM restarts, can not be reloaded", () => {
    assert.match(problem(lines("[uwsgi]", "die-on-term = true")) ?? "", /master/);
    assert.match(problem(lines("[uwsgi]", "master = false", "die-on-term = true")) ?? "", /master/);
    assert.match(problem(lines("[other]", "master = true", "[uwsgi]", "die-on-term = true")) ?? "", /master/);
    assert.match(problem(lines("[uwsgi]", "master = true")) ?? "", /die-on-term/);
  });

  test("that leaves supervisor can not be reloaded", () => {
    const text = lines("[uwsgi]", "master = true", "die-on-term = true", "daemonize = /var/log/a.log");
    assert.match(problem(text) ?? "", /daemonize/);
  });

  test("that includes another file is judged only by what it says itself", () => {
    assert.equal(problem(lines("[uwsgi]", "ini = /etc/uwsgi/base.ini")), undefined);
    assert.match(problem(lines("[uwsgi]", "include = base.ini", "daemonize2 = x")) ?? "", /daemonize2/);
  });
});

describe("unicorn.rb", () => {
  const unicorn = lookOf("unicorn");

  test("is the file that the command line names", () => {
    assert.equal(unicorn.file(["unicorn", "-c", "/r/unicorn.rb", "/r/config.ru"]), "/r/unicorn.rb");
    assert.equal(unicorn.file(["unicorn", "/r/config.ru"]), undefined);
  });

  test("that preloads the application can not be reloaded", () => {
    assert.match(unicorn.problem(lines("worker_processes 4", "preload_app true"), []) ?? "", /preload_app/);
    assert.match(unicorn.problem(lines("preload_app(true) # fast"), []) ?? "", /preload_app/);
  });

  test("that does not, or perhaps not, is in order", () => {
    for (const text of [
      "preload_app false",
      "# preload_app true",
      "preload_app true if ENV['PRELOAD']",
      "if old\n  preload_app true\nend",
      "preload_app true\npreload_app false",
    ]) {
      assert.equal(unicorn.problem(lines(text), []), undefined, text);
    }
  });
});

describe("puma.rb", () => {
  const puma = lookOf("puma");

  test("is the file that the command line names", () => {
    assert.equal(puma.file(["puma", "-C/r/puma.rb"]), "/r/puma.rb");
    assert.equal(puma.file(["puma", "--config", "/r/puma.rb"]), "/r/puma.rb");
  });

  test("that leaves supervisor can not be reloaded, and any other can", () => {
    assert.match(puma.problem(lines("workers 2", "daemonize"), []) ?? "", /daemonize/);
    assert.match(puma.problem(lines("daemonize true"), []) ?? "", /daemonize/);
    assert.equal(puma.problem(lines("daemonize false", "preload_app!"), []), undefined);
  });
});
