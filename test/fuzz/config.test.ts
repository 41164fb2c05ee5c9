/** deploy.yml, whoever wrote it: taken or refused with places, and what is taken is harmless wherever it goes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { layoutOf } from "../../agent/core/layout.ts";
import { renderSection, sectionProblems } from "../../agent/core/section.ts";
import { parseSupervisorConfig } from "../../agent/core/supervisor/supervisor-config.ts";
import { ProjectPlan } from "../../agent/wire/plan.ts";
import { type Config, parseConfig } from "../../cli/core/config.ts";
import { projectPlan, selectHosts } from "../../cli/core/plan.ts";
import { ZdrError } from "../../cli/failure.ts";
import { fuzz, orRefused } from "../support/fuzz/fuzz.ts";
import { mutatedText, NASTY_TEXTS } from "../support/fuzz/mutate.ts";

const EXAMPLE = readFileSync(fileURLToPath(new URL("../../deploy.example.yml", import.meta.url)), "utf8");
const SHORT = `project: shop
deploy_to: /data/web/shop
build: { run: make dist, path: dist/ }
hosts: [deploy@web1, { name: web2, address: 10.0.0.2, port: 2222, host_key: "SHA256:${"A".repeat(43)}" }, local]
shared: { dirs: [logs, public/uploads], files: [.env] }
supervisor: { url: unix:///run/sv.sock, username: u, password: hunter2-secret }
programs:
  shop: &shop
    command: bin/shop -addr :8080
    reload: { strategy: signal, signal: USR2, drain: 30s }
    health: { http: "http://127.0.0.1:8080/healthz", timeout: 30s }
    environment: { PORT: 8080, SECRET: hunter2-secret }
  more:
    <<: *shop
    command: [bin/more, "a b"]
    check: bin/more -check {release}
    user: www-data
    listen: 127.0.0.1:8080
`;
const WITHOUT_COMMENTS = EXAMPLE.split("\n")
  .filter((line) => !/^\s*#/.test(line))
  .join("\n");
const KEYS = [...new Set(EXAMPLE.match(/[a-z_]+(?=:)/g) ?? [])].map((key) => `${key}: `);
const TOKENS = [
  ...KEYS,
  ...[
    "- ",
    "? ",
    ": ",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "*shop",
    "<<: *shop\n",
    "<<: [*a, *a]",
    "!!js/function ",
    "!!binary ",
    "!x ",
  ],
  ...[
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# ",
    "\n  ",
    "\n    ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    '"',
    "~",
    "null",
    "yes",
    "1_000",
  ],
  ...[
    "0x10",
    "0o7",
    ".inf",
    "1e3",
    "2026-11-20",
    "env",
    "unix:",
    "http://[::1]:1/",
    "user@",
    "{current}",
    "{release}",
    "{x}",
  ],
  ...NASTY_TEXTS,
];

const files = fc.oneof(
  { weight: 9, arbitrary: fc.constant(SHORT) },
  { weight: 1, arbitrary: fc.constantFrom(WITHOUT_COMMENTS, EXAMPLE) },
);
/** Values in their places, so that the file is YAML and the value is what is looked at. */
const values = fc
  .tuple(
    fc.constantFrom(...(SHORT.match(/(?<=[:[,] ?)[^\s:[\]{},&*<]+/g) ?? [])),
    fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string({ maxLength: 12 })),
  )
  .map(([value, nasty]) => SHORT.replace(value, () => JSON.stringify(nasty)));

const CONTROL = /[\p{Cc}\p{Cs}]/u;
const SECRET = "hunter2-secret";

function check(text: string): void {
  const config = orRefused(
    () => parseConfig(text, "deploy.yml").config,
    (error) => isToldWithPlaces(error, text),
  );
  if (config !== undefined) assertHarmless(config);
}

function isToldWithPlaces(error: unknown, text: string): boolean {
  if (!(error instanceof ZdrError) || error.failure.kind !== "config") return false;
  const lines = text.split("\n").length;
  assert.ok(error.failure.problems.length > 0);
  for (const { place, problem, suggestion = "" } of error.failure.problems) {
    assert.ok(
      place !== undefined && place.line >= 1 && place.line <= lines && place.column >= 1,
      JSON.stringify(place),
    );
    // A value may be a secret; it is not told, wherever it stands by mistake.
    assert.ok(!`${problem}${suggestion}`.includes(SECRET), problem);
  }
  return true;
}

function assertHarmless(config: Config): void {
  for (const host of selectHosts(config, {})) {
    assert.doesNotMatch(host.name, /^-|\s/);
    if (host.kind !== "ssh") continue;
    for (const word of [host.address, host.user ?? "u"]) assert.doesNotMatch(word, /^-|\s|[;|&`'"<>()]|\$\(/);
  }
  const plan = projectPlan(config);
  assert.equal(ProjectPlan.safeParse(JSON.parse(JSON.stringify(plan))).success, true);
  const layout = layoutOf(plan.deployTo);
  assert.equal(layout.deployTo, plan.deployTo);
  for (const path of [...plan.shared.dirs, ...plan.shared.files])
    assert.ok(!path.startsWith("/") && !path.split("/").includes("..") && !CONTROL.test(path), path);
  for (const program of plan.programs) {
    assert.ok(layout.programRun(program.name).startsWith(`${plan.deployTo}/run/`));
    if (sectionProblems(program, layout).length > 0) continue;
    // Whatever stands in it, its section is one section, with the keys that zdr writes and no other.
    const { name, text, values: written } = renderSection(program, layout, { supervisorIsRoot: true });
    const read = parseSupervisorConfig(text);
    assert.deepEqual([...read.keys()], [name]);
    assert.deepEqual([...(read.get(name)?.keys() ?? [])].sort(), [...written.keys()].sort());
  }
}

fuzz("a mutated deploy.yml is taken or refused, and never more", mutatedText(files, TOKENS), check);
fuzz("any value in any place of a deploy.yml is taken or refused", values, check);
fuzz("any text at all is taken or refused as a deploy.yml", fc.string({ unit: "grapheme", maxLength: 200 }), check);
