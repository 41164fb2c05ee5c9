import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layoutOf } from "../../../../../agent/core/layout.ts";
import { lintProgram } from "../../../../../agent/core/lint.ts";
import type { PresetName, ReloadSignal } from "../../../../../agent/core/section/preset.ts";
import type { ProgramPlan } from "../../../../../agent/wire/plan.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");

interface Case {
  readonly name: string;
  readonly command: string;
  readonly more?: Partial<ProgramPlan>;
  readonly signal?: ReloadSignal;
  readonly finds: readonly string[];
}

function findings(preset: PresetName, { command, more = {}, signal }: Case): string[] {
  const plan = programPlan(preset, { command: command.split(" "), ...more });
  const program = signal === undefined ? plan : { ...plan, reload: { ...plan.reload, signal } };
  return lintProgram({ program, layout, supervisorIsRoot: true }).map((one) => `${one.level} ${one.rule}`);
}

const CASES: Readonly<Partial<Record<PresetName, readonly Case[]>>> = {
  uwsgi: [
    { name: "with all in its config file", command: "/usr/bin/uwsgi --ini {current}/uwsgi.ini", finds: [] },
    { name: "with a config file by itself", command: "/usr/bin/uwsgi {current}/app.ini:prod", finds: [] },
    { name: "with another kind of file", command: "/usr/bin/uwsgi --yaml={current}/app.yaml", finds: [] },
    {
      name: "with all on its command line",
      command: "/usr/bin/uwsgi -M --die-on-term --chdir {current} -w app:app",
      finds: [],
    },
    {
      name: "with all in its environment",
      command: "/usr/bin/uwsgi --chdir {current} -w app:app",
      more: { environment: { UWSGI_MASTER: "1", UWSGI_DIE_ON_TERM: "1" } },
      finds: [],
    },
    {
      name: "without a master, restarted by the signal that stops it",
      command: "/usr/bin/uwsgi --chdir {current} -w app:app",
      finds: ["refuse uwsgi-master", "refuse uwsgi-die-on-term"],
    },
    {
      name: "that leaves supervisor",
      command: "/usr/bin/uwsgi --ini {current}/uwsgi.ini --daemonize /var/log/uwsgi.log",
      finds: ["refuse daemonize"],
    },
    {
      name: "asked by the signal that stops it",
      command: "/usr/bin/uwsgi --ini {current}/uwsgi.ini",
      signal: "TERM",
      finds: ["refuse reload-signal"],
    },
  ],
  unicorn: [
    { name: "by HUP", command: "/usr/bin/unicorn -c {current}/unicorn.rb {current}/config.ru", finds: [] },
    {
      name: "by USR2, which leaves two masters",
      command: "/usr/bin/unicorn -c {current}/unicorn.rb {current}/config.ru",
      signal: "USR2",
      finds: ["refuse reload-signal"],
    },
    {
      name: "that leaves supervisor",
      command: "/usr/bin/unicorn -D -c {current}/unicorn.rb",
      finds: ["refuse daemonize"],
    },
  ],
  puma: [
    { name: "by USR1", command: "/usr/bin/puma -C {current}/puma.rb", finds: [] },
    { name: "by USR2", command: "/usr/bin/puma -C {current}/puma.rb", signal: "USR2", finds: [] },
    {
      name: "by HUP, which ends it",
      command: "/usr/bin/puma -C {current}/puma.rb",
      signal: "HUP",
      finds: ["refuse reload-signal"],
    },
    { name: "that preloads", command: "/usr/bin/puma --preload -C {current}/puma.rb", finds: ["warn puma-preload"] },
    {
      name: "that writes into a release",
      command: "/usr/bin/puma -C {current}/puma.rb --pidfile={current}/tmp/puma.pid -S /data/web/shop/shared/state",
      finds: ["warn file-in-release"],
    },
  ],
  "server-starter": [
    { name: "with a port and a program", command: "/usr/bin/start_server --port 80 -- {current}/bin/shop", finds: [] },
    {
      name: "whose program has an option of the same name",
      command: "/usr/bin/start_server --port 80 -- {current}/bin/shop --daemonize --interval 0",
      finds: [],
    },
    {
      name: "that leaves supervisor",
      command: "/usr/bin/start_server --daemonize --log-file /var/log/shop --port 80 -- {current}/bin/shop",
      finds: ["refuse daemonize"],
    },
    {
      name: "that believes in what has not lived at all",
      command: "/usr/bin/start_server --interval=0 --port 80 -- {current}/bin/shop",
      finds: ["refuse server-starter-interval"],
    },
    {
      name: "that keeps the old release for longer than zdr waits for the new one",
      command: "/usr/bin/start_server --kill-old-delay 30 --port 80 -- {current}/bin/shop",
      finds: ["refuse server-starter-delay"],
    },
    {
      name: "that keeps the old release for a while",
      command: "/usr/bin/start_server --kill-old-delay 10 --port 80 -- {current}/bin/shop",
      finds: [],
    },
    {
      name: "whose program is ended gently by a signal that a stop does not send",
      command: "/usr/bin/start_server --signal-on-hup=QUIT --port 80 -- {current}/bin/shop",
      finds: ["warn server-starter-signal"],
    },
    {
      name: "that tells its state in a release",
      command: "/usr/bin/start_server --status-file {current}/status --port 80 -- {current}/bin/shop",
      finds: ["warn file-in-release"],
    },
    {
      name: "by a signal that kills it",
      command: "/usr/bin/start_server --port 80 -- {current}/bin/shop",
      signal: "USR1",
      finds: ["refuse reload-signal"],
    },
  ],
  einhorn: [
    {
      name: "that waits for a word of each worker",
      command: "/usr/bin/einhorn -m manual -k -b 127.0.0.1:80,r -d {run}/e.sock -- {current}/bin/shop",
      finds: [],
    },
    {
      name: "that waits a second",
      command: "/usr/bin/einhorn -k -b 127.0.0.1:80,r,n -- {current}/bin/shop -m manual",
      finds: ["warn einhorn-ack"],
    },
    {
      name: "whose workers outlive it",
      command: "/usr/bin/einhorn --ack-mode=manual -b 127.0.0.1:80,r -- {current}/bin/shop",
      finds: ["warn einhorn-orphans"],
    },
    {
      name: "that can not bind again at once",
      command: "/usr/bin/einhorn -m manual -k -b 127.0.0.1:80 -- {current}/bin/shop",
      finds: ["warn einhorn-bind"],
    },
    {
      name: "by the signal that stops it",
      command: "/usr/bin/einhorn -m manual -k -b 127.0.0.1:80,r -- {current}/bin/shop",
      signal: "USR2",
      finds: ["refuse reload-signal"],
    },
  ],
};

for (const [preset, cases] of Object.entries(CASES) as [PresetName, readonly Case[]][]) {
  describe(`${preset} under supervisor`, () => {
    for (const one of cases) {
      test(`${one.name}: ${one.finds.join(", ") || "nothing to say"}`, () => {
        assert.deepEqual(findings(preset, one), one.finds);
      });
    }
  });
}
