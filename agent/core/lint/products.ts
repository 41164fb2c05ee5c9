/**
 * What breaks uWSGI, unicorn, puma, Server::Starter and einhorn under supervisor, as far as their command line tells. What
 * stands in a config file of the release is looked at before the flip (config-file.ts).
 */
import { posix } from "node:path";
import type { LintFinding } from "../../wire/program.ts";
import type { ProductLint, ReloadSignal } from "../section/preset.ts";
import { hasOption, optionValue, ownWords } from "./options.ts";
import { isUnder, type Rule, refuse, type Subject, warn } from "./subject.ts";

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

/** A file that it writes would stay in one release, be removed with it, or not be writable at all. */
function writesOutside(subject: Subject, options: readonly string[]): LintFinding[] {
  const { layout, program } = subject;
  return options.flatMap((option) => {
    const file = optionValue(wordsOf(subject), option);
    if (file === undefined || !(isUnder(file, layout.current) || isUnder(file, layout.releases))) return [];
    const text = `${option} ${file} lies in a release, which is not to change, and is removed one day`;
    return [warn("file-in-release", text, `${option} ${layout.programRun(program.name)}/${posix.basename(file)}`)];
  });
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

const unicorn: Rule = (subject) => [
  ...staysInForeground(subject, ["-D", "--daemonize"]),
  ...reloadsBy(
    subject,
    ["HUP"],
    "USR2 starts a second master, of which supervisor knows nothing, and the others end it or load nothing",
  ),
];

const puma: Rule = (subject) => [
  ...staysInForeground(subject, ["-d", "--daemon"]),
  ...reloadsBy(subject, ["USR1", "USR2"], "HUP ends it, or only opens its logs anew"),
  ...(hasOption(wordsOf(subject), "--preload")
    ? [warn("puma-preload", PUMA_PRELOAD, "take --preload out of the command, and say preload_app! false in puma.rb")]
    : []),
  ...writesOutside(subject, ["--pidfile", "--state", "-S", "--redirect-stdout", "--redirect-stderr"]),
];

const PUMA_PRELOAD =
  "with the application preloaded puma executes itself anew: requests wait, and a release that can not be loaded leaves a gap";

const serverStarter: Rule = (subject) => [
  ...staysInForeground(subject, ["--daemonize"]),
  ...reloadsBy(subject, ["HUP"], "INT and TERM stop start_server, the others kill it"),
  ...writesOutside(subject, ["--pid-file", "--status-file", "--log-file"]),
  ...serverStarterSignals(subject),
  ...serverStarterTimes(subject),
];

function serverStarterSignals(subject: Subject): LintFinding[] {
  const words = wordsOf(subject);
  const onHup = optionValue(words, "--signal-on-hup");
  if (onHup === undefined || /^(SIG)?TERM$/i.test(onHup) || optionValue(words, "--signal-on-term") !== undefined)
    return [];
  const text = `--signal-on-hup ${onHup} says how the program is ended gently, and a stop still sends TERM`;
  return [warn("server-starter-signal", text, `--signal-on-term ${onHup}`)];
}

/** Default of `health.timeout`, which bounds the wait for the new release: see ready.ts. */
const READY_SECONDS = 30;

function serverStarterTimes(subject: Subject): LintFinding[] {
  const words = wordsOf(subject);
  const findings: LintFinding[] = [];
  if (optionValue(words, "--interval") === "0") {
    const text = "with --interval 0 a release that crashes as it starts takes the place of the old one";
    findings.push(refuse("server-starter-interval", text, "--interval 1"));
  }
  const limit = (subject.program.health?.timeoutMs ?? READY_SECONDS * 1000) / 1000;
  const delay = Number(optionValue(words, "--kill-old-delay") ?? 0) + Number(optionValue(words, "--interval") ?? 1);
  if (delay >= limit) {
    const text = `the old release stays for ${delay} s (--interval, --kill-old-delay), and after ${limit} s the new one counts as failed`;
    findings.push(
      refuse("server-starter-delay", text, `health: { timeout: ${delay + READY_SECONDS}s }, or a shorter delay`),
    );
  }
  return findings;
}

const einhorn: Rule = (subject) => [
  ...reloadsBy(subject, ["HUP"], "USR2, INT, TERM and QUIT stop it, the others kill it"),
  ...writesOutside(subject, ["-d", "--socket-path", "-e", "--pidfile", "-f", "--lockfile"]),
  ...einhornNeeds(subject),
];

function einhornNeeds(subject: Subject): LintFinding[] {
  const words = wordsOf(subject);
  if (words.length === 0) return [];
  const findings: LintFinding[] = [];
  if ((optionValue(words, "-m") ?? optionValue(words, "--ack-mode")) !== "manual") {
    const text = "einhorn believes in a worker after a second: a release that hangs takes the place of the old one";
    findings.push(warn("einhorn-ack", text, "-m manual, and let the program say when it accepts (EINHORN_SOCK_PATH)"));
  }
  if (!hasOption(words, "-k") && !hasOption(words, "--kill-children-on-exit")) {
    const text =
      "einhorn's workers lead process groups of their own: where einhorn is killed, they go on with the port";
    findings.push(warn("einhorn-orphans", text, "-k"));
  }
  const bind = optionValue(words, "-b") ?? optionValue(words, "--bind");
  if (bind !== undefined && !/,(r|so_reuseaddr)(,|$)/i.test(bind)) {
    const text = `-b ${bind} can not be bound again while old connections linger: a restart may fail for a minute`;
    findings.push(warn("einhorn-bind", text, `-b ${bind},r`));
  }
  return findings;
}

export const PRODUCT_RULES: Readonly<Record<ProductLint, Rule>> = {
  uwsgi,
  unicorn,
  puma,
  "server-starter": serverStarter,
  einhorn,
};
