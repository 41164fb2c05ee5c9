/** Tags come from a command line and name folders on every host: each kind of bad one is refused with its own reason. */
import { TAG_PATTERN } from "../../agent/wire/release.ts";
import { ZdrError } from "../failure.ts";
import { TAG_VARIABLE_NAMES, tagOfJob } from "./ci/surroundings.ts";
import { type Checked, complain } from "./config/rules/checked.ts";

export const LONGEST_TAG = 128;

/** Parts of the layout, and what tables say of no release. A release of an older zdr that is called so can be gone back to. */
const NAMES_OF_ANOTHER: ReadonlySet<string> = new Set([
  "current",
  "releases",
  "shared",
  "run",
  "lib",
  "none",
  "nothing",
]);

/** The tag itself, or why it can not name a release. Accepts exactly what TAG_PATTERN does. */
export function checkTag(text: string): Checked<string> {
  if (TAG_PATTERN.test(text)) return { ok: text };
  return complain(tagProblem(text), tagSuggestion(text));
}

/**
 * The tag that is asked for: `--tag`, or that of the CI job. One that can not name a release is refused and not made to
 * fit: two tags of the repository must not become the same release.
 *
 * @throws ZdrError `usage`
 */
export function requireTag(given: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const ofJob = given === undefined ? tagOfJob(env) : undefined;
  const tag = given ?? ofJob?.tag;
  if (tag === undefined) throw noTag(env);
  const verdict = NAMES_OF_ANOTHER.has(tag)
    ? complain("is what zdr calls something else, here and on hosts", "choose another one, such as v1.2")
    : checkTag(tag);
  if ("ok" in verdict) return tag;
  const from = ofJob === undefined ? "" : ` of ${ofJob.variable}`;
  const hint = verdict.suggestion === undefined ? {} : { hint: verdict.suggestion };
  throw new ZdrError({ kind: "usage", problem: `the tag ${JSON.stringify(tag)}${from} ${verdict.problem}`, ...hint });
}

function noTag({ GITHUB_REF_TYPE, CI }: Readonly<Record<string, string | undefined>>): ZdrError {
  const job = GITHUB_REF_TYPE === undefined ? "" : `: this job is for a ${GITHUB_REF_TYPE}`;
  const where = CI === undefined ? "" : `, nor in ${TAG_VARIABLE_NAMES.join(", ")}`;
  const problem = `no tag is given${where}${job}`;
  return new ZdrError({ kind: "usage", problem, hint: "name the release: --tag v1.2" });
}

function tagProblem(text: string): string {
  if (text === "") return "is empty";
  if (/^[\s\S]*[^\r\n][\r\n]+$/.test(text) && !/[\r\n]/.test(text.trimEnd())) return "ends with a line break";
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) return "holds a control character";
  if (text === "." || text === "..") return `is "${text}", which names another folder`;
  if (text.split("/").includes("..")) return 'holds "..", which leads out of releases/';
  if (text.includes("/")) return 'holds "/", but names a single folder';
  if (text.startsWith("-")) return 'begins with "-", so that commands would take it for an option';
  if (text.length > LONGEST_TAG) return `is ${text.length} characters long; ${LONGEST_TAG} is the most`;
  if (/\s/.test(text)) return "holds a blank";
  if (/[^\x20-\x7e]/.test(text)) return "holds a character outside ASCII";
  const [bad] = /[^A-Za-z0-9._+-]/.exec(text) ?? [];
  if (bad !== undefined) return `holds ${JSON.stringify(bad)}; letters, digits and . _ + - are allowed`;
  return `begins with "${text[0]}"; the first character is a letter or a digit`;
}

/** What is left of it when all that is not allowed is taken out; of a ref, its last part. */
function tagSuggestion(text: string): string | undefined {
  const name = /^refs\/(?:tags|heads)\/./.test(text) ? text.replace(/^refs\/[a-z]+\//, "") : text;
  const plain = name
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cc}\p{Cf}]/gu, "")
    .replace(/[^A-Za-z0-9._+-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|[-.]+$/g, "")
    .slice(0, LONGEST_TAG);
  return TAG_PATTERN.test(plain) ? `did you mean "${plain}"?` : undefined;
}
