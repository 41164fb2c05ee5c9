/**
 * The rights that this user lacks: to supervisord's socket, and to look into processes of other users. Setup says what an
 * administrator has to do, and as root puts the helper in place itself; it never restarts supervisord for it.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostContext } from "../context.ts";
import { PRIVATE_FILE_MODE } from "../core/layout.ts";
import { isKept } from "../core/presets.ts";
import { PROVE_FILE, SUDOERS_FILE, sudoersLine } from "../core/process/sudoers.ts";
import { shellWord } from "../core/supervisor/ctl.ts";
import { errnoOf, onFile, replaceFile, userName } from "../io/files.ts";
import { openProver } from "../io/process/prover.ts";
import { isTrustedPath } from "../io/process/trusted.ts";
import { ownGroup } from "./layout.ts";
import type { SetupReport } from "./report.ts";
import type { SupervisorView } from "./supervisor-view.ts";

const SOCKET_MODE = "0770";
const PROVE_MODE = 0o755;

export interface ProveOptions {
  /** Text of dist/prove.cjs; absent: it was not delivered, and nothing is said of it. */
  readonly bundle: string | undefined;
  /** Where the root-owned copy belongs. */
  readonly file?: string;
  readonly nodePath?: string;
}

/** What opens supervisord's socket to this user, now and after supervisord's next start. */
export function setUpSocket({ supervisor }: HostContext, view: SupervisorView, report: SetupReport): void {
  const { address } = supervisor;
  if (view.spoken !== undefined || address.kind !== "unix") return;
  const owner = `root:${ownGroup()}`;
  report.administrator.push({
    why: `${userName()} may not talk to supervisord: the commands open its socket until it starts again, the lines in [unix_http_server] from then on`,
    commands: [
      `chown ${shellWord(owner)} ${shellWord(address.path)}`,
      `chmod ${SOCKET_MODE} ${shellWord(address.path)}`,
    ],
    file: {
      path: address.configPath ?? "/etc/supervisor/supervisord.conf",
      content: `[unix_http_server]\nfile=${address.path.replaceAll("%", "%%")}\nchmod=${SOCKET_MODE}\nchown=${owner}\n`,
    },
  });
}

/** The helper by which an agent that is not root looks into programs of other users. `hasLayout`: `.zdr` is there. */
export async function setUpProof(
  context: HostContext,
  view: SupervisorView,
  { bundle, file = PROVE_FILE, nodePath = process.execPath }: ProveOptions,
  hasLayout: boolean,
  report: SetupReport,
): Promise<void> {
  if (bundle === undefined || !hasForeignProgram(context, view)) return;
  const isInPlace = readText(file) === bundle && (await isTrustedPath(file));
  if (process.getuid?.() === 0) {
    if (!isInPlace) installProve(file, bundle, report);
    return;
  }
  if (isInPlace && (await answers(file, nodePath))) return;
  if (!(await isTrustedPath(nodePath))) {
    report.administrator.push({
      why: `programs of other users can be proved only with a Node that is root's alone, and ${nodePath} is not: install the distribution's nodejs`,
      commands: [],
    });
    return;
  }
  const line = sudoersLine(userName(), nodePath, file);
  if (line === undefined || !hasLayout) return;
  const copy = join(context.layout.zdr, "prove.cjs");
  if (!isInPlace && !report.dryRun) replaceFile(copy, bundle, PRIVATE_FILE_MODE);
  report.administrator.push({
    why: `${userName()} may not look into processes of other users, so that a deploy could prove no more than their health`,
    commands: [
      ...(isInPlace ? [] : installCommands(copy, bundle, file)),
      `chmod 0440 ${SUDOERS_FILE}`,
      `visudo -c -f ${SUDOERS_FILE}`,
    ],
    file: { path: SUDOERS_FILE, content: `${line}\n` },
  });
}

/** Whether some program runs as another user than this one, and without a keeper, which looks into its own program. */
function hasForeignProgram({ project }: HostContext, { uid }: SupervisorView): boolean {
  const ownUid = process.getuid?.() ?? 0;
  const programs = project.programs.filter((program) => !isKept(program));
  // Only root's supervisord starts programs as somebody else.
  if (uid !== 0) return uid !== ownUid && programs.length > 0;
  return programs.some(({ user = "root" }) => user !== userName() && user !== String(ownUid));
}

function installProve(file: string, bundle: string, report: SetupReport): void {
  report.did("wrote", `${file} (root's, 0755)`);
  if (report.dryRun) return;
  onFile("make the folder", dirname(file), () => mkdirSync(dirname(file), { recursive: true, mode: PROVE_MODE }));
  replaceFile(file, bundle, PROVE_MODE);
}

/** The copy is this user's own until root has it, so it is checked afterwards, where nobody else can change it. */
function installCommands(copy: string, bundle: string, file: string): string[] {
  const sha256 = createHash("sha256").update(bundle).digest("hex");
  return [
    `install -D -o root -g root -m 0755 ${shellWord(copy)} ${shellWord(file)}`,
    `echo '${sha256}  ${file}' | sha256sum -c`,
  ];
}

async function answers(proveFile: string, nodePath: string): Promise<boolean> {
  const prover = openProver({ proveFile, nodePath });
  try {
    return (await prover.ask([process.pid], [])) !== undefined;
  } finally {
    prover.close();
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
