/**
 * A command as a JUnit report: one suite for each host, one case for each phase. What failed for no host (a config, a build)
 * is a suite of its own. The form is the one that Jenkins, GitLab and GitHub's reporters read.
 */
import type { FailureReport } from "../report/failure-report.ts";
import { sanitize } from "../report/sanitize.ts";
import type { CommandRecord, PhaseRecord } from "./record.ts";

interface Case {
  readonly name: string;
  readonly seconds: string;
  readonly end: "passed" | "skipped" | { readonly failed: string; readonly text: string };
}

interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** `startedAt`: ISO 8601. */
export function junitOf(record: CommandRecord, startedAt: string): string {
  const ofHosts = [...record.hosts].map(([host, phases]) => hostSuite(host, phases, record.failures));
  const common = errorsAbout(record.failures, undefined);
  const suites: Suite[] = [
    ...ofHosts,
    ...(common.length === 0 && ofHosts.length > 0 ? [] : [commandSuite(record, common)]),
  ];
  const body = suites.map((suite) => suiteXml(suite, record, startedAt)).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${xml(`zdr ${record.verb}`)}"${counts(suites)}>\n${body}</testsuites>\n`;
}

function hostSuite(host: string, phases: readonly PhaseRecord[], failures: readonly FailureReport[]): Suite {
  const errors = errorsAbout(failures, host);
  const lastBegun = phases.findLastIndex(({ status }) => status !== "waiting");
  // What was passed over (waiting for a lock, say) was not needed; what comes after the last one was not reached.
  const told = phases.filter(({ status }, index) => status !== "waiting" || index > lastBegun);
  const failedAt = told.findLast(({ status }) => status === "failed" || status === "start");
  const cases = told.map((one): Case => {
    const named = { name: one.phase, seconds: (one.ms / 1000).toFixed(3) };
    if (one.status === "done") return { ...named, end: "passed" };
    if (one.status === "waiting") return { ...named, end: "skipped" };
    const said = one === failedAt ? errors : [];
    const [failed = one.detail === "" ? `${one.phase} failed` : one.detail] = said;
    return { ...named, end: { failed, text: said.join("\n") } };
  });
  const isTold = errors.length === 0 || failedAt !== undefined;
  const [failed = ""] = errors;
  return {
    name: host,
    cases: isTold ? cases : [...cases, { name: "result", seconds: "0.000", end: { failed, text: errors.join("\n") } }],
  };
}

function commandSuite({ verb }: CommandRecord, errors: readonly string[]): Suite {
  const [failed] = errors;
  return {
    name: "zdr",
    cases: [
      { name: verb, seconds: "0.000", end: failed === undefined ? "passed" : { failed, text: errors.join("\n") } },
    ],
  };
}

/** The lines about one host; undefined: those about none. */
function errorsAbout(failures: readonly FailureReport[], host: string | undefined): string[] {
  return failures.flatMap(({ error, about = [] }) =>
    error.filter((_, index) => {
      const hosts = about[index]?.hosts ?? [];
      return host === undefined ? hosts.length === 0 : hosts.includes(host);
    }),
  );
}

function counts(suites: readonly Suite[]): string {
  const cases = suites.flatMap((suite) => suite.cases);
  const failed = cases.filter(({ end }) => typeof end === "object").length;
  const skipped = cases.filter(({ end }) => end === "skipped").length;
  const seconds = cases.reduce((sum, one) => sum + Number(one.seconds), 0).toFixed(3);
  return ` tests="${cases.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds}"`;
}

function suiteXml(suite: Suite, { verb }: CommandRecord, startedAt: string): string {
  const at = startedAt.replace(/\.\d+Z$/, "");
  const cases = suite.cases.map((one) => caseXml(one, `zdr.${verb}.${suite.name}`)).join("");
  return `  <testsuite name="${xml(suite.name)}"${counts([suite])} timestamp="${xml(at)}">\n${cases}  </testsuite>\n`;
}

function caseXml({ name, seconds, end }: Case, classname: string): string {
  const open = `    <testcase classname="${xml(classname)}" name="${xml(name)}" time="${seconds}"`;
  if (end === "passed") return `${open}/>\n`;
  if (end === "skipped") return `${open}>\n      <skipped/>\n    </testcase>\n`;
  return `${open}>\n      <failure message="${xml(end.failed)}" type="zdr">${xml(end.text)}</failure>\n    </testcase>\n`;
}

/** XML 1.0 has no place for control characters, not even as references: sanitize writes them out, line by line. */
function xml(text: string): string {
  return text
    .split("\n")
    .map((line) => sanitize(line).replace(/[\ufffe\uffff]/g, "?"))
    .join("\n")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
