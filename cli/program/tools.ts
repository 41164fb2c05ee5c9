/** The verbs that operators reach for before, between and after deploys. */
import {
  type Command,
  type CommonFlags,
  configMaker,
  DOCTOR_EXIT_CODES,
  EXEC_EXIT_CODES,
  hostVerb,
  LOCAL_EXIT_CODES,
  PLAN_EXIT_CODES,
  READING_EXIT_CODES,
  SKIP,
  SKIP_HELP,
  SSH_EXIT_CODES,
  shownBy,
  type Take,
  verb,
} from "./verb.ts";

export function addPlan(program: Command, take: Take): void {
  verb(
    program,
    "plan",
    "say what a deploy would do, from the facts of the hosts, and give that an ID",
    [
      "zdr plan --tag v1.2",
      "zdr plan --tag v1.2 --json     for a job that shows it and asks before it deploys",
      "zdr deploy --tag v1.2 --plan 0a1b2c3d-4e5f6071-8293a4b5     that, or nothing",
    ],
    PLAN_EXIT_CODES,
  )
    .option(
      "-t, --tag <tag>",
      "the release's name: letters, digits and . _ + - (default: the tag that a CI job is for)",
    )
    .option("--no-build", "do not run build.run; plan with what lies at build.path")
    .option(SKIP, SKIP_HELP)
    .action((flags: CommonFlags & { tag?: string; build: boolean; skipUnreachable?: boolean }) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/plan.ts")).plan(run, flags),
      }),
    );
}

export function addDoctor(program: Command, take: Take): void {
  verb(
    program,
    "doctor",
    "look at this machine and the hosts for what would keep a deploy from getting through, and say what mends it",
    ["zdr doctor", "zdr doctor --host web1 --json"],
    DOCTOR_EXIT_CODES,
  ).action((flags: CommonFlags) =>
    take({
      ...shownBy(flags),
      run: async (run) => (await import("../commands/tools/doctor.ts")).doctor(run, flags),
    }),
  );
}

export function addLogs(program: Command, take: Take): void {
  verb(
    program,
    "logs",
    "print what programs have logged, of all hosts, each line with its host and program",
    [
      "zdr logs",
      "zdr logs -f shop                 go on with what comes, also after a rotation",
      "zdr logs -n 500 --host web1 | grep -i error",
    ],
    READING_EXIT_CODES,
  )
    .argument("[program...]", "names in deploy.yml (default: all)")
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("-n, --lines <count>", "how many of each process at first (default: 50)")
    .action((names: string[], flags: CommonFlags & { follow?: boolean; lines?: string }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/tools/logs.ts")).logs(run, names, flags),
      }),
    );
}

export function addExec(program: Command, take: Take): void {
  verb(
    program,
    "exec",
    "run a command on the hosts, in the release that serves, and print what it says with the host's name",
    [
      "zdr exec -- bin/migrate --status       by argv: no shell takes it apart",
      "zdr exec --host web1 -- df -h /data",
      "zdr exec --shell -- 'ls logs | wc -l'   one text for /bin/sh",
    ],
    EXEC_EXIT_CODES,
  )
    .argument("[command...]", "the program and its arguments, behind --; it is given no input (stdin is empty)")
    .option("--shell", "hand the words to /bin/sh on the host, as one text")
    .action((words: string[], flags: CommonFlags & { shell?: boolean }) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/tools/exec.ts")).exec(run, words, flags),
      }),
    );
}

export function addSsh(program: Command, take: Take): void {
  hostVerb(
    program,
    "ssh",
    "open the system's ssh to a host, with the user, port, keys, known hosts and jump hosts of deploy.yml",
    ["zdr ssh web1", "zdr ssh web1 -- uptime"],
    SSH_EXIT_CODES,
  )
    .argument("<host>", "its name in deploy.yml")
    .argument("[command...]", "for ssh, which gives it to the login shell there")
    .action((host: string, command: string[], flags: CommonFlags) =>
      take({
        ...shownBy(flags, true),
        run: async (run) => (await import("../commands/tools/ssh.ts")).ssh(run, host, command, flags),
      }),
    );
}

interface InitFlags {
  readonly project?: string;
  readonly on?: string[];
  readonly deployTo?: string;
  readonly reload?: string;
  readonly command?: string;
  readonly health?: string;
  readonly sample?: string;
  readonly ci?: string;
  readonly force?: boolean;
}

export function addInit(program: Command, take: Take): void {
  configMaker(
    program,
    "init",
    "look at this folder, ask what it does not say, and write a deploy.yml",
    [
      "zdr init",
      "zdr init --on deploy@web1 deploy@web2 --health http://127.0.0.1:8080/healthz",
      "zdr init --sample go-grace --on deploy@web1     with a small server to start from",
      "zdr init --ci github                           and the job that deploys",
    ],
    LOCAL_EXIT_CODES,
  )
    .option("--project <name>", "its name (default: what the folder says)")
    .option("--on <host...>", "the hosts, as deploy.yml has them: deploy@web1, 10.0.0.2:2222, local")
    .option("--deploy-to <folder>", "the folder on the hosts (default: /data/web/<project>)")
    .option("--reload <preset>", "how the program takes a new release (default: what the folder says, or restart)")
    .option("--command <words>", "how it is started, under current/ (default: what the folder says)")
    .option("--health <url>", "what tells on the host whether it is healthy, or none")
    .option("--sample <name>", "put a sample server of templates/apps here first")
    .option("--ci <system>", "also write the job that deploys: github or gitlab")
    .option("--force", "write over files that are there already")
    .action((flags: CommonFlags & InitFlags) =>
      take({
        ...shownBy(flags),
        run: async (run) => (await import("../commands/tools/init.ts")).init(run, flags),
      }),
    );
}
