/** The verbs that only look. */
import {
  type Command,
  type CommonFlags,
  READING_EXIT_CODES,
  STATUS_EXIT_CODES,
  shownBy,
  type Take,
  VERIFY_EXIT_CODES,
  verb,
} from "./verb.ts";

export function addStatus(program: Command, take: Take): void {
  verb(
    program,
    "status",
    "print what supervisorctl status prints, with its exit codes",
    [
      "zdr status",
      "zdr status shop | awk '{print $4}' | awk -F, '{print $1}'   the pid",
      "zdr status shop | grep RUNNING",
      "zdr status --local                   on the host itself; needs no deploy.yml",
    ],
    STATUS_EXIT_CODES,
  )
    .argument("[program...]", "supervisor's names, as supervisorctl takes them: shop, group:shop, group:*")
    .option("--local", "ask the supervisord of this machine; --config then names a supervisord.conf")
    .option("--releases", "say which release each process really runs")
    .action((names: string[], flags: CommonFlags & { local?: boolean; releases?: boolean }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/status.ts")).status(run, names, flags),
      }),
    );
}

export function addReleases(program: Command, take: Take): void {
  verb(
    program,
    "releases",
    "list the releases on the hosts, what became of each, and which one runs",
    ["zdr releases", "zdr releases --json"],
    READING_EXIT_CODES,
  ).action((flags: CommonFlags) =>
    take({
      ...shownBy(flags, true),
      run: async (run) => (await import("../commands/releases.ts")).releases(run, flags),
    }),
  );
}

export function addTrust(program: Command, take: Take): void {
  verb(
    program,
    "trust",
    "show the hosts' SSH keys, which of them are trusted, and write down those that are not",
    ["zdr trust", "zdr trust --write known_hosts     for review; with ssh: { known_hosts: known_hosts } in deploy.yml"],
    READING_EXIT_CODES,
  )
    .option("-w, --write <file>", "append the keys that are not known to this file, in the form of known_hosts")
    .action((flags: CommonFlags & { write?: string }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/trust.ts")).trust(run, flags),
      }),
    );
}

export function addHistory(program: Command, take: Take): void {
  verb(
    program,
    "history",
    "list what was done on the hosts, by whom, how long it took and what was proved",
    [
      "zdr history",
      "zdr history -n 0 --host web1     all of it, of one host",
      "zdr history --json               with the time of each phase, and the evidence",
    ],
    READING_EXIT_CODES,
  )
    .option("-n, --number <count>", "how many of each host, newest first; 0: all (default: 20)")
    .action((flags: CommonFlags & { number?: string }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/history.ts")).history(run, flags),
      }),
    );
}

export function addReport(program: Command, take: Take): void {
  verb(
    program,
    "report",
    "make one page about a deploy: what each host did when, and what its requests met around the flip",
    [
      "zdr report                        the last deploy, as report-TAG-ID.html",
      "zdr report v1.2 -o report.html    the last deploy of v1.2; a file for a CI job to keep",
      "zdr report 3f2a91c0 -o - > x.html    by the ID that zdr history shows",
    ],
    READING_EXIT_CODES,
  )
    .argument("[deploy]", "an ID of zdr history, or a release (default: the last deploy of these hosts)")
    .option("-o, --output <file>", "where the page goes; -: stdout (default: report-TAG-ID.html in this folder)")
    .action((deploy: string | undefined, flags: CommonFlags & { output?: string }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/report.ts")).report(run, deploy, flags),
      }),
    );
}

export function addVerify(program: Command, take: Take): void {
  verb(
    program,
    "verify",
    "compare releases on the hosts, file by file, with what was published; 5 where they differ",
    [
      "zdr verify                 what is current",
      "zdr verify v1.1 v1.2",
      "zdr verify --all --json    every release that is there, for a nightly job",
    ],
    VERIFY_EXIT_CODES,
  )
    .argument("[tag...]", "releases (default: the one that is current on each host)")
    .option("--all", "every release that is there")
    .action((tags: string[], flags: CommonFlags & { all?: boolean }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/verify.ts")).verify(run, tags, flags),
      }),
    );
}
