/** `zdr init`: looks at this folder, asks what it does not say, and writes a deploy.yml that the other verbs can read. */
import { basename, dirname, join, relative, resolve } from "node:path";
import { PRESET_NAMES } from "../../../agent/wire/plan.ts";
import { parseConfig } from "../../core/config.ts";
import { EXIT, type ExitCode } from "../../core/exit-code.ts";
import { answerProblem, flagProblems } from "../../core/init/answer.ts";
import { guessesOf } from "../../core/init/guess.ts";
import { type Found, lookAtFolder, plainName } from "../../core/init/look.ts";
import { type Answers, buildOf, renderDeployYml } from "../../core/init/render.ts";
import { lookAtSample } from "../../core/init/sample.ts";
import { sameHosts } from "../../explain/flags.ts";
import { shellWord } from "../../explain/words.ts";
import { ZdrError } from "../../failure.ts";
import { ask } from "../../io/ask.ts";
import { isThere, putFile, putTree, readSample, readTemplate, readTexts, sampleFolder } from "../../io/folder.ts";
import type { Run } from "../../run.ts";

export interface InitOptions {
  readonly config?: string;
  readonly project?: string;
  readonly on?: readonly string[];
  readonly deployTo?: string;
  readonly reload?: string;
  readonly command?: string;
  /** A URL, or `none`. */
  readonly health?: string;
  readonly sample?: string;
  readonly ci?: string;
  readonly force?: boolean;
}

const HEALTH = "http://127.0.0.1:8080/healthz";
const CI_FILES = {
  github: [
    ["github/deploy.yml", ".github/workflows/deploy.yml"],
    ["github/action.yml", ".github/actions/zdr/action.yml"],
  ],
  gitlab: [["gitlab/zdr.gitlab-ci.yml", "zdr.gitlab-ci.yml"]],
} as const;

export async function init(run: Run, options: InitOptions): Promise<ExitCode> {
  requireKnown(options);
  const file = options.config ?? "deploy.yml";
  const mayReplace = options.force === true;
  if (!mayReplace && isThere(resolve(run.cwd, file))) throw alreadyThere(file);
  const found = lookHere(run, options.sample, mayReplace);
  run.output.report({
    kind: "note",
    text: found === undefined ? "this folder says nothing of a program" : `found ${found.what}`,
  });
  const { answers, told } = await askRest(run, options, found);
  const problems = flagProblems(found, answers);
  if (problems.length > 0) {
    const hint = "what each of them takes: zdr init --help, zdr explain";
    throw new ZdrError({ kind: "usage", problem: problems.join("; "), hint });
  }
  const guesses = guessesOf(found, answers, told);
  const path = resolve(run.cwd, file);
  const text = renderDeployYml(found, answers, guesses, seenFrom(dirname(path), run.cwd, buildOf(found)));
  // What is written can be read: whatever was answered is checked as it will be.
  parseConfig(text, file, run.env);
  if (!putFile(path, text, mayReplace)) throw alreadyThere(file);
  const wrote = [file, ...putCi(run, options.ci, mayReplace)];
  if (options.sample !== undefined) wrote.push(...putSample(run, options.sample, mayReplace));
  const flag = sameHosts({ config: options.config });
  const next = ["zdr doctor", "zdr setup", "zdr plan --tag v1", "zdr deploy --tag v1"].map((words) => words + flag);
  const look = [...(found?.notes ?? []), ...guesses].map((note) => `look at ${note}\n`).join("");
  run.output.result(
    `wrote ${wrote.join(", ")}\n${look}next: ${next.join(", ")}\n`,
    { wrote, found, answers, guesses, next },
    EXIT.done,
  );
  return EXIT.done;
}

/** build.run runs beside deploy.yml, and build.path is looked for from there. */
function seenFrom(place: string, folder: string, { run, path }: Found["build"]): Found["build"] {
  const way = relative(place, folder);
  const inFolder = run === undefined || way === "" ? run : `cd ${shellWord(way)} && ${run}`;
  return { ...(inFolder === undefined ? {} : { run: inFolder }), path: join(way, path) };
}

function requireKnown({ reload, ci }: InitOptions): void {
  const presets: readonly string[] = PRESET_NAMES;
  if (reload !== undefined && !presets.includes(reload)) {
    throw new ZdrError({
      kind: "usage",
      problem: `there is no preset "${reload}"`,
      hint: `there are: ${presets.join(", ")}`,
    });
  }
  if (ci !== undefined && !(ci in CI_FILES)) {
    throw new ZdrError({ kind: "usage", problem: `there is no CI job for "${ci}"`, hint: "there are: github, gitlab" });
  }
}

function alreadyThere(file: string): ZdrError {
  const hint = "zdr init --force writes over it; --config names another file";
  return new ZdrError({ kind: "usage", problem: `${file} is there already, and stays as it is`, hint });
}

/** What the folder will say once the sample lies in it: nothing is written before all is asked and checked. */
function lookHere({ cwd, bundles }: Run, sample: string | undefined, mayReplace: boolean): Found | undefined {
  const own = readTexts(cwd);
  if (sample === undefined) return lookAtFolder(own, basename(cwd));
  const its = readSample(bundles, sample);
  return lookAtSample(sample, its, mayReplace ? { ...own, ...its } : { ...its, ...own }, basename(cwd));
}

/** What neither the folder nor a flag says is asked where somebody sits, and else has to be given. */
async function askRest(run: Run, options: InitOptions, found: Found | undefined) {
  const interrupted = new AbortController();
  run.interrupt.onFirst(() => interrupted.abort());
  const how = { isDumb: run.env.TERM === "dumb", abort: interrupted.signal };
  const soFar: Partial<Answers> = {};
  const told = new Set<keyof Answers>();
  /** What will not do is said at once, and asked again. What a flag says is checked with the whole of it. */
  const question = async <Key extends keyof Answers>(
    key: Key,
    given: string | undefined,
    [text, suggestion]: readonly [string, string],
    read: (answer: string) => Answers[Key],
  ): Promise<Answers[Key]> => {
    const isAsked = given === undefined && run.canAsk;
    if (isAsked || given !== undefined) told.add(key);
    for (;;) {
      const answer = given ?? (isAsked ? await run.output.pause(() => ask(text, suggestion, how)) : suggestion);
      const meant = read(answer);
      Object.assign(soFar, { [key]: meant });
      const problem = isAsked ? answerProblem(found, soFar, key) : undefined;
      if (problem === undefined) return meant;
      run.output.report({ kind: "warning", text: `${JSON.stringify(answer)} ${problem}` });
    }
  };
  if (options.on === undefined && !run.canAsk) {
    throw new ZdrError({
      kind: "usage",
      problem: "init needs the hosts",
      hint: "zdr init --on deploy@web1.example.com",
    });
  }
  const asIs = (answer: string) => answer;
  const name = found?.name ?? basename(run.cwd);
  const project = await question("project", options.project, ["Name of the project", name], (answer) => {
    const plain = plainName(answer);
    if (plain !== answer) run.output.report({ kind: "warning", text: `the project is called ${plain}: ${NAME_RULE}` });
    return plain;
  });
  const hosts =
    options.on ??
    (await question("hosts", undefined, ["Hosts, with blanks between", "deploy@web1.example.com"], (answer) =>
      answer.split(/[\s,]+/),
    ));
  const deployTo = await question("deployTo", options.deployTo, ["Folder on the hosts", `/data/web/${project}`], asIs);
  const known = found?.isSeen === true ? (options.reload ?? found.preset) : options.reload;
  const preset = await question(
    "preset",
    known,
    [presetQuestion(), found?.preset ?? "restart"],
    (answer) => answer as Answers["preset"],
  );
  requireKnown({ reload: preset });
  const own = options.command ?? found?.command;
  const command = await question("command", own, ["Command, under current/", `bin/${project}`], asIs);
  const health = await question(
    "health",
    options.health,
    ["URL that tells on the host whether it is healthy, or none", HEALTH],
    (answer) => (answer === "none" ? undefined : answer),
  );
  // A sample is made for the address that deploy.yml gives it, and answers there.
  if (options.sample !== undefined && options.command === undefined) told.add("health");
  const answers: Answers = { project, hosts, deployTo, command, preset, health };
  return { answers, told };
}

const NAME_RULE = 'letters, digits, ".", "_" and "-" are what a name is made of';

function presetQuestion(): string {
  return `How it takes a new release (${PRESET_NAMES.join(", ")})`;
}

function putSample({ bundles, cwd, output }: Run, name: string, mayReplace: boolean): string[] {
  const { put, kept } = putTree(sampleFolder(bundles, name), cwd, mayReplace);
  if (kept.length > 0) output.report({ kind: "warning", text: `${kept.join(", ")}: there already, and left as it is` });
  // For whoever starts it by hand, without a build: the scripts among the samples answer with what stands in this file.
  if (!put.some((file) => file.endsWith(".go")) && putFile(join(cwd, "VERSION"), "v1\n", false)) put.push("VERSION");
  return put;
}

function putCi({ bundles, cwd, output }: Run, ci: string | undefined, mayReplace: boolean): string[] {
  const files = ci === "github" || ci === "gitlab" ? CI_FILES[ci] : [];
  return files.flatMap(([template, file]) => {
    if (putFile(join(cwd, file), readTemplate(bundles, `ci/${template}`), mayReplace)) return [file];
    output.report({ kind: "warning", text: `${file} is there already, and left as it is` });
    return [];
  });
}
