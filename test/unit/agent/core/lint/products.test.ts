import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layoutOf } from "../../../../../agent/core/layout.ts";
import { lintProgram } from "../../../../../agent/core/lint.ts";
import type { PresetName, ReloadSignal } from "../../../../../agent/core/presets.ts";
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
