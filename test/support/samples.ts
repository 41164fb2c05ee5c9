/**
 * Builds of the sample programs in templates/apps, the very ones that users start from. A variant misbehaves in one way;
 * the templates themselves hold nothing of that: what a Go variant adds is laid over its build, what a script variant
 * adds stands before or behind its code.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import {
  access,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PresetName } from "../../agent/core/section/preset.ts";
import { runOk } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const APPS = join(ROOT, "templates/apps");
const VARIANTS = join(ROOT, "test/fixtures/variants");
/** Linked binaries stay here between runs, named by all that went into them. */
const CACHE = join(ROOT, ".tmp/samples");
const BUILD_TIMEOUT_MS = 300_000;

/** In the release, what runs. */
export const SAMPLE_BINARY = {
  "go-endless": "bin/shop",
  "go-grace": "bin/shop",
  "go-graceful-url": "bin/graceful",
  "go-gracehttp": "bin/shop",
  "go-listenfds": "bin/shop",
  "go-members": "bin/shop",
  "go-overseer": "bin/shop",
  "go-overseer-watch": "bin/shop",
  "go-plain": "bin/shop",
  "go-reuseport": "bin/shop",
  "go-tableflip": "bin/shop",
  gunicorn: "app.py",
  "node-listenfds": "server.mjs",
  "node-members": "server.mjs",
  "node-plain": "server.mjs",
  "python-members": "server.py",
  uwsgi: "app.py",
  unicorn: "app.rb",
  puma: "app.rb",
  "server-starter": "app.psgi",
  "go-einhorn": "bin/shop",
} as const satisfies Record<string, string>;

export type SampleName = keyof typeof SAMPLE_BINARY;

/** Those that need packages of `scripts/setup.sh soak`. */
export const SOAK_SAMPLES: ReadonlySet<SampleName> = new Set(["unicorn", "puma", "server-starter"]);

/** The preset that each is made for. */
const SAMPLE_RELOAD: Readonly<Record<SampleName, PresetName>> = {
  "go-endless": "endless",
  "go-grace": "grace",
  "go-graceful-url": "graceful-url",
  "go-gracehttp": "gracehttp",
  "go-listenfds": "systemd-socket",
  "go-members": "bluegreen",
  "go-overseer": "overseer",
  "go-overseer-watch": "overseer-watch",
  "go-plain": "restart",
  "go-reuseport": "reuseport",
  "go-tableflip": "tableflip",
  gunicorn: "gunicorn",
  "node-listenfds": "node",
  "node-members": "bluegreen",
  "node-plain": "restart",
  "python-members": "bluegreen",
  uwsgi: "uwsgi",
  unicorn: "unicorn",
  puma: "puma",
  "server-starter": "server-starter",
  "go-einhorn": "einhorn",
};

export function presetOf(name: SampleName): string {
  return SAMPLE_RELOAD[name];
}

/**
 * - `crash`: dies as it starts, but passes its own check; `crash-in-check`: not even that
 * - `hang`: never listens; `slow-start`: only after 1.5 s; `late-crash`: dies 2 s after it started
 * - `unhealthy`: /healthz answers 503
 * - `careless`, of gunicorn only: its workers end in the middle of their answers when they are told to go
 * - `late-unhealthy`, of gunicorn only: /healthz answers 503 from 2 s after its start on
 * - `twins`, of go-overseer only: its master has two successors that answer, and knows one of them
 * - of a binary or a launcher only: `not-executable` (mode 0644), `garbage`, `empty`, `wrong-machine` (ELF of another one), `missing`
 */
export type Variant =
  | "good"
  | "crash"
  | "crash-in-check"
  | "hang"
  | "slow-start"
  | "late-crash"
  | "unhealthy"
  | "late-unhealthy"
  | "careless"
  | "broken-here"
  | "twins"
  | "not-executable"
  | "garbage"
  | "empty"
  | "wrong-machine"
  | "missing";

export interface SampleOptions {
  /** What it answers as its release. */
  readonly release: string;
  readonly variant?: Variant;
  /** Of a script: the release holds what starts its interpreter, as a virtual environment does. */
  readonly isLaunched?: boolean;
}

const FILE_VARIANTS: ReadonlySet<Variant> = new Set(["not-executable", "garbage", "empty", "wrong-machine", "missing"]);

export interface SampleProgram {
  readonly command: string;
  readonly reload: PresetName;
  /** What the keeper, or supervisord, hands over. */
  readonly listen?: string;
  readonly health: { readonly http: string };
}

/** `programs.<name>` of deploy.yml for a sample. */
export function sampleProgram(name: SampleName, port: number, isLaunched = false): SampleProgram {
  const address = `127.0.0.1:${port}`;
  const command = commandOf(name, address);
  return {
    command: isLaunched ? launchedCommand(name, command) : `${name === "node-members" ? MOVED_SOCKET : ""}${command}`,
    reload: SAMPLE_RELOAD[name],
    ...(["node", "systemd-socket", "bluegreen"].includes(SAMPLE_RELOAD[name]) ? { listen: address } : {}),
    health: { http: `http://${address}/healthz` },
  };
}

/** Not einhorn, but a program of these tests that keeps to what einhorn documents. */
const EINHORN = join(ROOT, "test/fixtures/einhorn/stand-in.py");
/** Of servers that are packages of their own. */
const PRODUCT_COMMANDS: Readonly<Partial<Record<SampleName, (address: string) => string>>> = {
  uwsgi: (address) => `/usr/bin/uwsgi-core --ini {current}/uwsgi.ini --http-socket ${address}`,
  unicorn: (address) => `/usr/bin/unicorn -E production -l ${address} -c {current}/unicorn.rb {current}/config.ru`,
  puma: (address) => `/usr/bin/puma -e production -b tcp://${address} -C {current}/puma.rb`,
  "server-starter": (address) =>
    `/usr/bin/start_server --dir {current} --port ${address} -- /usr/bin/plackup -E deployment -s Starlet --max-workers 8 app.psgi`,
  "go-einhorn": (address) =>
    `/usr/bin/python3 ${EINHORN} -m manual -k -n 2 -b ${address},r -d {run}/einhorn.sock -- {current}/bin/shop`,
};

/** Node must not have a socket that others share at fd 0; where there is none, nothing is moved. */
const MOVED_SOCKET = `/bin/sh -c 'test ! -S /dev/fd/0 || LISTEN_FDS=1 exec "$@" 3<&0 0</dev/null; exec "$@"' sh `;

function commandOf(name: SampleName, address: string): string {
  const binary = SAMPLE_BINARY[name];
  if (name in PRODUCT_COMMANDS) return PRODUCT_COMMANDS[name]?.(address) ?? "";
  switch (binary) {
    case "app.py":
      return `/usr/bin/gunicorn --config {current}/gunicorn.conf.py --chdir {current} --bind ${address} app:app`;
    case "server.mjs":
      return `${process.execPath} {current}/${binary} --addr ${address}`;
    case "server.py":
      return `/usr/bin/python3 {current}/${binary} --addr ${address}`;
    default:
      return `${binary} -addr ${address}`;
  }
}

/** What `command` says, with the launcher in the place of the interpreter and its script. */
function launchedCommand(name: SampleName, command: string): string {
  const { replaces } = LAUNCHERS[SAMPLE_BINARY[name]] ?? {};
  if (replaces === undefined) throw new Error(`${name} has no launcher`);
  return command.replace(replaces, LAUNCHER);
}

/**
 * A folder with the build. It is shared by all tests of this process and goes when the process ends: copy it before
 * changing anything in it.
 */
export function buildSample(
  name: SampleName,
  { release, variant = "good", isLaunched = false }: SampleOptions,
): Promise<string> {
  const key = `${name}-${release}-${variant}${isLaunched ? "-launched" : ""}`;
  const known = built.get(key);
  if (known !== undefined) return known;
  const building = buildInto(name, { release, variant, isLaunched }, key);
  built.set(key, building);
  return building;
}

const built = new Map<string, Promise<string>>();
let buildsFolder: Promise<string> | undefined;

async function newBuildsFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zdr-builds-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function buildInto(
  name: SampleName,
  { release, variant, isLaunched }: Required<SampleOptions>,
  key: string,
): Promise<string> {
  buildsFolder ??= newBuildsFolder();
  const folder = join(await buildsFolder, key);
  await mkdir(folder);
  await writeFile(join(folder, "VERSION"), `${release}\n`);
  const patches = PATCHES[SAMPLE_BINARY[name]];
  if (patches === undefined) await buildGo(name, folder, release, variant);
  else await buildScript(name, folder, isLaunched && FILE_VARIANTS.has(variant) ? "good" : variant, patches);
  if (isLaunched) await addLauncher(name, folder, variant);
  return folder;
}

// ---------------------------------------------------------------------------------------------------------------------
// Scripts
// ---------------------------------------------------------------------------------------------------------------------

interface Patch {
  readonly before?: string;
  readonly behind?: string;
}

type Patches = Partial<Record<Variant, Patch>>;

const PYTHON: Patches = {
  good: {},
  crash: {
    behind: `\nimport sys\nif "--check-config" not in sys.argv:\n    raise KeyError('config/app.toml: "dsn"')\n`,
  },
  "crash-in-check": { behind: `\nraise KeyError('config/app.toml: "dsn"')\n` },
  hang: { behind: `\nimport sys\nif "--check-config" not in sys.argv:\n    time.sleep(3600)\n` },
  "slow-start": { behind: "\ntime.sleep(1.5)\n" },
  "late-crash": {
    behind: `\nimport os, sys, threading\nif "--check-config" not in sys.argv:\n    threading.Timer(2, os._exit, [1]).start()\n`,
  },
  unhealthy: { behind: `\ndef check_health():\n    raise RuntimeError("database: connection refused")\n` },
  "late-unhealthy": {
    behind: `
STARTED = time.monotonic()
def check_health():
    if time.monotonic() > STARTED + 2:
        raise RuntimeError("cache: out of memory")
`,
  },
  careless: {
    behind: `
import os, signal, sys
if "--check-config" not in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
def check_health():
    time.sleep(0.2)
`,
  },
};

const JAVASCRIPT: Patches = {
  good: {},
  crash: { before: `throw new Error('config/app.toml: missing key "dsn"');\n` },
  hang: { before: "await new Promise((resolve) => setTimeout(resolve, 3_600_000));\n" },
  "slow-start": { before: "await new Promise((resolve) => setTimeout(resolve, 1500));\n" },
  "late-crash": { before: `setTimeout(() => { throw new Error("cache: out of memory"); }, 2000);\n` },
  unhealthy: { behind: `\ncheckHealth = async () => { throw new Error("database: connection refused"); };\n` },
};

const RUBY: Patches = {
  good: {},
  // puma does not say why.
  crash: { before: `warn 'config/app.toml: "dsn"'\nraise KeyError, "dsn"\n` },
  hang: { before: "sleep 3600\n" },
  "slow-start": { before: "sleep 1.5\n" },
  "late-crash": { behind: "\nThread.new { sleep 2; exit!(1) }\n" },
  unhealthy: { behind: `\nclass Shop\n  def check_health = raise("database: connection refused")\nend\n` },
};

const PERL: Patches = {
  good: {},
  crash: { before: `die 'config/app.toml: "dsn"';\n` },
  hang: { before: "sleep 3600;\n" },
  "slow-start": { before: "select undef, undef, undef, 1.5;\n" },
  // Each worker ends in the middle of a request.
  "late-crash": {
    behind: `\nmy $born = time; my $serve = $app;\n$app = sub { exit 1 if time - $born > 2; $serve->(@_) };\n`,
  },
  unhealthy: {
    behind: `\nno warnings 'redefine';\n*check_health = sub { die "database: connection refused\\n" };\n$app;\n`,
  },
};

/** By what runs; absent: it is linked. */
const PATCHES: Readonly<Partial<Record<string, Patches>>> = {
  ...{ "app.py": PYTHON, "server.py": PYTHON },
  "server.mjs": JAVASCRIPT,
  "app.rb": RUBY,
  "app.psgi": PERL,
};

const MAIN = '\nif __name__ == "__main__":';

async function buildScript(name: SampleName, folder: string, variant: Variant, patches: Patches): Promise<void> {
  const patch = patches[variant];
  if (patch === undefined) throw new Error(`${name} has no variant ${variant}`);
  await cp(join(APPS, name), folder, { recursive: true });
  const file = join(folder, SAMPLE_BINARY[name]);
  const text = await readFile(file, "utf8");
  // Behind all definitions: Python's last lines run the server.
  const end = text.includes(MAIN) ? text.indexOf(MAIN) : text.length;
  await writeFile(file, `${patch.before ?? ""}${text.slice(0, end)}${patch.behind ?? ""}${text.slice(end)}`);
}

const LAUNCHER = "bin/shop";

/** As `pip install` writes them into a virtual environment, and as people write them by hand. */
const LAUNCHERS: Readonly<Partial<Record<string, { readonly replaces: RegExp; readonly text: string }>>> = {
  "app.py": {
    replaces: /^\S+/,
    text: "#!/usr/bin/python3\nimport sys\nfrom gunicorn.app.wsgiapp import run\nsys.exit(run())\n",
  },
  // supervisord's socket for several processes comes at fd 0, where Node must not have it.
  "server.mjs": {
    replaces: /^\S+ \S+/,
    text: `#!/bin/sh
program="\${0%/*}/../server.mjs"
if [ -S /dev/fd/0 ]; then LISTEN_FDS=1 exec ${process.execPath} "$program" "$@" 3<&0 0</dev/null; fi
exec ${process.execPath} "$program" "$@"
`,
  },
  "server.py": {
    replaces: /^\S+ \S+/,
    text: `#!/bin/sh\nexec /usr/bin/python3 "\${0%/*}/../server.py" "$@"\n`,
  },
};

async function addLauncher(name: SampleName, folder: string, variant: Variant): Promise<void> {
  const launcher = LAUNCHERS[SAMPLE_BINARY[name]];
  if (launcher === undefined) throw new Error(`${name} has no launcher`);
  const path = join(folder, LAUNCHER);
  await mkdir(join(folder, "bin"));
  await writeFile(path, launcher.text, { mode: 0o755 });
  await spoil(path, variant);
}

// ---------------------------------------------------------------------------------------------------------------------
// Go
// ---------------------------------------------------------------------------------------------------------------------

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function buildGo(name: SampleName, folder: string, release: string, variant: Variant): Promise<void> {
  const binary = join(folder, SAMPLE_BINARY[name]);
  await mkdir(join(folder, "bin"));
  await cp(await linkedGo(name, release, FILE_VARIANTS.has(variant) ? "good" : variant), binary);
  await spoil(binary, variant);
}

/** The cached binary of exactly these sources, this variant, this release and this Go. */
async function linkedGo(name: SampleName, release: string, variant: Variant): Promise<string> {
  const source = join(APPS, name);
  const overlay = variant === "good" ? undefined : join(VARIANTS, `${variant}.go`);
  const hash = createHash("sha256").update(`${await runOk(["go", "version"])}\0${name}\0${release}\0`);
  for (const file of (await readdir(source)).sort()) hash.update(await readFile(join(source, file)));
  if (overlay !== undefined) hash.update(await readFile(overlay));
  const cached = join(CACHE, hash.digest("hex").slice(0, 32));
  if (await exists(cached)) return cached;

  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, "building-"));
  try {
    const overlayFile = join(work, "overlay.json");
    await writeFile(
      overlayFile,
      JSON.stringify({ Replace: overlay === undefined ? {} : { [join(source, "variant.go")]: overlay } }),
    );
    const flags = ["-trimpath", "-buildvcs=false", "-overlay", overlayFile];
    const out = join(work, "binary");
    await runOk(["go", "build", ...flags, "-ldflags", `-s -w -X main.release=${release}`, "-o", out, "."], {
      cwd: source,
      env: { CGO_ENABLED: "0" }, // Go comes without a C compiler
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    await rename(out, cached); // two tests may build it at once: either one will do
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return cached;
}

/** Offset of e_machine in an ELF header (elf(5)), and s390x, which no test runs on. */
const ELF_MACHINE = { offset: 18, other: 22 };

async function spoil(binary: string, variant: Variant): Promise<void> {
  if (variant === "not-executable") await chmod(binary, 0o644);
  if (variant === "garbage") await writeFile(binary, "this is no program\n");
  if (variant === "empty") await truncate(binary);
  if (variant === "missing") await rm(binary);
  if (variant === "wrong-machine") {
    const content = await readFile(binary);
    content.writeUInt16LE(ELF_MACHINE.other, ELF_MACHINE.offset);
    await writeFile(binary, content);
  }
}
