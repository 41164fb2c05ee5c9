/**
 * Which release a program's processes run, and which of them accept: with our own rights first, then with root's, and where
 * neither can tell, by the word of somebody who runs as the program's own user.
 */
import {
  describeLook,
  type FileIdentity,
  type Inspection,
  isWorthProving,
  type Look,
  type ReleaseWant,
  rootsOf,
} from "../../core/process/inspection.ts";
import { look } from "./evidence.ts";
import { listeningSockets } from "./listening.ts";
import { PROC } from "./processes.ts";
import { openProver, type Prover } from "./prover.ts";

export type { Inspection, ReleaseWant } from "../../core/process/inspection.ts";

export interface InspectOptions {
  readonly root?: string;
  /** Asked about what is denied to us; `none` to go without. */
  readonly prover?: Prover | "none";
  /** Asked about what is then still denied. It is the program's user's, and so is what it says. */
  readonly witness?: Pick<Prover, "ask">;
}

/** One for the life of the agent: while something is awaited the same question is asked many times a second. */
let ownProver: Prover | undefined;

/**
 * Looks at each pid once, now. Processes that are gone are left out. `accepts` by `accept`, `select` or `poll` is a fact
 * of the moment (accepting.ts): "no" from a busy worker is to be asked again.
 */
export async function inspectProcesses(
  pids: readonly number[],
  wants: readonly ReleaseWant[],
  options: InspectOptions = {},
): Promise<Inspection[]> {
  const { root = PROC } = options;
  const roots = rootsOf(wants).map((want) => want.root);
  const listening = listeningSockets(root);
  const looks: Look[] = [];
  for (const pid of pids) looks.push(await look(pid, roots, listening, root));
  const proved = await prove(looks.filter(isWorthProving), roots, options);
  const known = looks.map((seen) => proved.get(pidOf(seen)) ?? seen);
  const told = await hear(known.filter(isWorthProving), roots, options);
  return known.flatMap((seen) => {
    const witnessed = told.get(pidOf(seen));
    return describeLook(witnessed ?? seen, wants, witnessed !== undefined) ?? [];
  });
}

/** Whether processes of any user can be looked into, with root's rights or through the helper. */
export async function mayInspectOthers(): Promise<boolean> {
  if (process.geteuid?.() === 0) return true;
  ownProver ??= openProver();
  return (await ownProver.ask([process.pid], [])) !== undefined;
}

async function prove(looks: readonly Look[], roots: readonly FileIdentity[], options: InspectOptions) {
  if (options.prover === "none" || process.geteuid?.() === 0) return new Map<number, Look>();
  if (looks.length > 0 && options.prover === undefined) ownProver ??= openProver();
  return ask(options.prover ?? ownProver, looks, roots);
}

/** Only what the witness has seen counts; that it may not look either tells nothing new. */
async function hear(looks: readonly Look[], roots: readonly FileIdentity[], { witness }: InspectOptions) {
  const told = await ask(witness, looks, roots);
  const asked = new Set(looks.map(pidOf));
  return new Map([...told].filter(([pid, look]) => asked.has(pid) && look.outcome === "seen"));
}

async function ask(
  prover: Pick<Prover, "ask"> | undefined,
  looks: readonly Look[],
  roots: readonly FileIdentity[],
): Promise<Map<number, Look>> {
  const answers = looks.length === 0 ? undefined : await prover?.ask(looks.map(pidOf), roots);
  return new Map((answers ?? []).map((answer) => [pidOf(answer), answer]));
}

function pidOf(seen: Look): number {
  return seen.outcome === "seen" ? seen.facts.pid : seen.pid;
}
