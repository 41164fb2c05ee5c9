/**
 * Makes docs/tour.md: three programs from an empty folder to a rollback and a report, as somebody new would go about it, on a host that
 * has sshd, supervisor and Node. Every line in it was printed by that run; only the folders and ports of the temporary host
 * are written as those of a usual one. Fails where a step ends otherwise than it should, and then writes nothing.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../test/support/load/free-port.ts";
import { type Rig, startRig } from "../test/support/rig.ts";

const PAGE = fileURLToPath(new URL("../docs/tour.md", import.meta.url));
/** A deploy that reverts, and one that is refused before the flip. */
const [REFUSED, REVERTED, PENDING] = [5, 7, 10];
/** Under which `prepare` writes down what a usual host has where zdr looks. */
const ELSEWHERE = ["-e", "tour"];

interface Tour {
  readonly title: string;
  readonly sample: string;
  readonly program: string;
  /** A change of the sample that any of its users could make by mistake. */
  readonly broken: { readonly file: string; readonly from: string; readonly to: string; readonly exit: number };
}

const TOURS: readonly Tour[] = [
  {
    ...{ title: "A Go server on grace", sample: "go-grace", program: "shop" },
    broken: {
      ...{ file: "main.go", from: "flag.Parse()", exit: REVERTED },
      to: 'flag.Parse()\n\tlog.Fatal("config/app.toml: missing key \\"dsn\\"")',
    },
  },
  {
    ...{ title: "A Python application under gunicorn", sample: "gunicorn", program: "shop" },
    broken: { file: "app.py", from: "import json\n", to: "import json\nimport jsno\n", exit: REFUSED },
  },
  {
    ...{ title: "A Node server", sample: "node-listenfds", program: "shop" },
    broken: {
      file: "server.mjs",
      from: "const LONGEST_MS",
      to: "const { dsn } = undefined;\nconst LONGEST_MS",
      exit: REVERTED,
    },
  },
];

const OPENING = `# A tour

Three programs, each from an empty folder to a rollback and a report, as printed by \`npm run tour\`. The host has sshd, supervisor and Node, and nobody
has set anything up there for zdr; it is this machine itself, so its times are those of two ends that share it. Its folders, ports and Node are written as those of a
usual host, and progress lines that say nothing new are left out.
`;

async function main(): Promise<void> {
  const parts: string[] = [];
  for (const tour of TOURS) parts.push(await walk(tour));
  writeFileSync(PAGE, [OPENING, ...parts].join("\n"));
  process.stdout.write(`${PAGE} is written\n`);
}

async function walk({ title, sample, program, broken }: Tour): Promise<string> {
  const cleaning: (() => Promise<void>)[] = [];
  const rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
  try {
    const port = await freePort();
    prepare(rig);
    const told: string[] = [];
    const zdr = async (words: string, wanted = 0) => {
      const [verb = "", ...rest] = words.split(" ");
      // What a usual host has where zdr looks, the temporary one has elsewhere.
      const elsewhere = verb === "init" ? [] : ELSEWHERE;
      const { code, stdout, stderr } = await rig.zdr([verb, ...elsewhere, ...rest], {
        env: goEnvironment(),
        timeoutMs: 300_000,
      });
      const usual = (text: string) => asUsual(text, rig, port);
      if (code !== wanted) throw new Error(`zdr ${words} ended with ${code}, not with ${wanted}:\n${stdout}${stderr}`);
      const ending = code === 0 ? [] : [`(exit ${code})`];
      told.push([`$ zdr ${usual(words)}`, ...trimmed(usual(`${stderr}${stdout}`)), ...ending].join("\n"));
      process.stderr.write(`${told.at(-1)}\n\n`);
    };
    const health = `http://127.0.0.1:${port}/healthz`;
    const project = `--project ${program}`;
    await zdr(`init --sample ${sample} ${project} --on web1 --deploy-to ${rig.deployTo} --health ${health}`);
    await zdr("doctor", REFUSED);
    await zdr("setup");
    await zdr("plan --tag v1", PENDING);
    await zdr("deploy --tag v1");
    told.push(`# a line of ${broken.file} is changed: it says "hello again" now`);
    change(rig, broken.file, (text) => text.replace("hello from", "hello again from"));
    await zdr("deploy --tag v2");
    told.push(`# and here something goes wrong, in ${broken.file}:\n${broken.to.trim().replace(/^/gm, "#   ")}`);
    change(rig, broken.file, (text) => text.replace(broken.from, broken.to));
    await zdr("deploy --tag v3", broken.exit);
    await zdr(`logs ${program} -n 3`);
    await zdr("rollback");
    await zdr("releases");
    await zdr("history");
    await zdr("report v2 -o report.html");
    return `## ${title}\n\n\`\`\`\n${told.join("\n\n")}\n\`\`\`\n`;
  } finally {
    for (const clean of cleaning.reverse()) await clean();
  }
}

/** An alias in ~/.ssh/config, and supervisor's own configuration in an environment of deploy.yml. */
function prepare({ dir, project, sshd, supervisord }: Rig): void {
  if (sshd === undefined) throw new Error("the tour goes through SSH");
  const folder = join(dir, "home/.ssh");
  mkdirSync(folder, { mode: 0o700 });
  const lines = [
    ...["Host web1", `HostName ${sshd.host}`, `Port ${sshd.port}`, `User ${userInfo().username}`],
    ...[`IdentityFile ${join(dir, "ssh/key")}`, `UserKnownHostsFile ${join(dir, "ssh/known_hosts")}`],
  ];
  const config = join(folder, "config");
  writeFileSync(config, `${lines.join("\n")}\n`);
  const elsewhere = { node: process.execPath, supervisor: { config: supervisord.configPath }, ssh: { config } };
  writeFileSync(join(project, "deploy.tour.yml"), JSON.stringify(elsewhere));
}

function change({ project }: Rig, file: string, how: (text: string) => string): void {
  const path = join(project, file);
  const [before, after] = [readFileSync(path, "utf8"), how(readFileSync(path, "utf8"))];
  if (before === after) throw new Error(`${file} is not changed`);
  writeFileSync(path, after);
}

/** Go's caches are the machine's: the home of the tour is empty. */
function goEnvironment(): Record<string, string> {
  const [GOCACHE = "", GOMODCACHE = ""] = execFileSync("go", ["env", "GOCACHE", "GOMODCACHE"], {
    encoding: "utf8",
  }).split("\n");
  return { GOCACHE, GOMODCACHE };
}

function asUsual(text: string, { dir, deployTo, project, sshd }: Rig, port: number): string {
  const places: readonly (readonly [string, string])[] = [
    ...([
      [deployTo, "/data/web/shop"],
      [project, "~/shop"],
      [join(dir, "sv"), "/etc/supervisor"],
    ] as const),
    ...([
      [join(dir, "ssh/known_hosts"), "~/.ssh/known_hosts"],
      [join(dir, "home"), "~"],
      [join(dir, "ssh"), "~/.ssh"],
    ] as const),
    ...([
      [process.execPath, "/opt/node/bin/node"],
      [`:${port}`, ":8080"],
      [`:${sshd?.port ?? 0}`, ":22"],
      // Commands to paste have the flags that were given.
      [` ${ELSEWHERE.join(" ")}`, ""],
    ] as const),
  ];
  return places.reduce((said, [from, to]) => said.replaceAll(from, to), text);
}

const LONGEST = 40;

/** Without what only repeats; a long run of lines keeps its ends. */
function trimmed(text: string): string[] {
  const lines = text
    .trimEnd()
    .split("\n")
    .filter((line) => !/^web1: (?:connect|lock|survey|stage|preflight|settle|setup)$/.test(line));
  if (lines.length <= LONGEST) return lines;
  return [...lines.slice(0, LONGEST / 2), "…", ...lines.slice(-LONGEST / 2)];
}

await main();
