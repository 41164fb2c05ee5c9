/**
 * What breaks uWSGI under supervisor, as far as its command line tells. What stands in a config file of the release is looked at before the flip (config-file.ts).
 */
import type { LintFinding } from "../../wire/program.ts";
import type { ProductLint, ReloadSignal } from "../presets.ts";
import { hasOption, optionValue, ownWords } from "./options.ts";
import { type Rule, refuse, type Subject } from "./subject.ts";

/** Supervisor's child ends as soon as it has forked, and what goes on is nobody's. */
function staysInForeground(subject: Subject, options: readonly string[]): LintFinding[] {
  const option = options.find((name) => hasOption(wordsOf(subject), name));
  if (option === undefined) return [];
  const text = `with ${option} the program leaves supervisor, which takes its end for the program's`;
  return [refuse("daemonize", text, `take ${option} out of the command`)];
}

/** The signals by which a product reloads, and what any other one does to it. */
function reloadsBy({ program }: Subject, signals: readonly ReloadSignal[], others: string): LintFinding[] {
  const { signal, preset } = program.reload;
  if (signal === undefined || signals.includes(signal)) return [];
  return [refuse("reload-signal", `${preset} is not reloaded by ${signal}: ${others}`, `signal: ${signals[0]}`)];
}

/** What the product itself is told, without the command that it starts. */
function wordsOf({ facts }: Subject): readonly string[] {
  return ownWords(facts.words ?? []);
}

const UWSGI_CONFIG = ["--ini", "--yaml", "--yml", "--json", "--xml", "-x", "-y", "-j", "--emperor"];
const UWSGI_CONFIG_FILE = /\.(ini|ya?ml|json|js|xml)(:\w+)?$/;

const uwsgi: Rule = (subject) => [
  ...staysInForeground(subject, ["--daemonize", "--daemonize2", "-d"]),
  ...reloadsBy(
    subject,
    ["HUP"],
    "TERM restarts it without mercy, INT and QUIT end it, the others only write to its log",
  ),
  ...(hasUwsgiConfig(subject) ? [] : uwsgiNeeds(subject)),
];

function hasUwsgiConfig(subject: Subject): boolean {
  const words = wordsOf(subject);
  return (
    words.some((word) => UWSGI_CONFIG_FILE.test(word)) ||
    UWSGI_CONFIG.some((name) => optionValue(words, name) !== undefined)
  );
}

/** uWSGI takes each option from UWSGI_… of its environment as well. */
function uwsgiNeeds(subject: Subject): LintFinding[] {
  const { words, environment } = subject.facts;
  if (words === undefined || environment === undefined) return [];
  const isSet = (...names: string[]) =>
    names.some(
      (name) => hasOption(words, name) || environment.has(`UWSGI_${name.slice(2).replaceAll("-", "_").toUpperCase()}`),
    );
  return [
    ...(isSet("--master", "-M")
      ? []
      : [
          refuse(
            "uwsgi-master",
            "without a master there is nobody to keep the socket while HUP makes a new one",
            "--master",
          ),
        ]),
    ...(isSet("--die-on-term") ? [] : [refuse("uwsgi-die-on-term", UWSGI_TERM, "--die-on-term")]),
  ];
}

export const UWSGI_TERM = "uWSGI takes TERM, by which supervisor stops it, for the wish to be started again";

export const PRODUCT_RULES: Readonly<Record<ProductLint, Rule>> = { uwsgi };
