/** What must be true of a host when nobody is at work on it: found by reading its files, with none of the product's code. */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../eventually.ts";

interface Entry {
  readonly event: string;
  readonly tag: string;
  readonly activation?: string;
  readonly proof?: string;
  readonly to?: string;
}

const ENDS = new Set(["good", "reverted", "stuck"]);

/** Everything that is not as it should be, in words. */
export async function findLies(deployTo: string): Promise<string[]> {
  const entries = await readLedger(deployTo);
  const current = (await readlink(join(deployTo, "current"))).replace(/^releases\//, "");
  return [
    ...liesAboutActivations(entries),
    ...liesAboutCurrent(entries, current),
    ...(await liesAboutReleases(deployTo, entries)),
    ...(await leftovers(deployTo)),
  ];
}

/** Every line but a torn last one has to be an entry. */
async function readLedger(deployTo: string): Promise<Entry[]> {
  const text = await readFile(join(deployTo, ".zdr/ledger.ndjson"), "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.flatMap((line, index) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch (error) {
      if (index === lines.length - 1 && !text.endsWith("\n")) return [];
      throw error;
    }
  });
}

/** Each one ends once, and before another begins; what is called good was proved. */
function liesAboutActivations(entries: readonly Entry[]): string[] {
  const lies: string[] = [];
  let open: string | undefined;
  const ended = new Set<string>();
  for (const { event, tag, activation, proof } of entries) {
    if (activation === undefined) continue;
    const name = `${activation} of ${tag}`;
    if (event === "activating" && open !== undefined && open !== activation)
      lies.push(`${name} begins before ${open} has ended`);
    if (event === "activating") open = activation;
    else if (open !== activation) lies.push(`${name}: ${event} without a beginning`);
    if (event === "good" && proof !== "processes") lies.push(`${name} is called good by ${proof}`);
    if (event === "stuck") lies.push(`${name} is stuck`);
    if (!ENDS.has(event)) continue;
    if (ended.has(activation)) lies.push(`${name} ends twice`);
    ended.add(activation);
    open = undefined;
  }
  if (open !== undefined) lies.push(`${open} never ended`);
  return lies;
}

function liesAboutCurrent(entries: readonly Entry[], current: string): string[] {
  const last = entries.findLast(({ activation, event }) => activation !== undefined && ENDS.has(event));
  const serves = last?.event === "good" ? last.tag : last?.to;
  return serves === current ? [] : [`current names ${current}, and by the ledger ${serves} serves`];
}

async function liesAboutReleases(deployTo: string, entries: readonly Entry[]): Promise<string[]> {
  const present = await readdir(join(deployTo, "releases"));
  const manifests = (await readdir(join(deployTo, ".zdr/manifests"))).map((name) => name.replace(/\.json$/, ""));
  const known = new Map<string, string>();
  for (const { tag, event } of entries) known.set(tag, event);
  return [
    ...present.filter((tag) => !known.has(tag)).map((tag) => `the ledger does not know ${tag}`),
    ...present.filter((tag) => known.get(tag) === "removed").map((tag) => `${tag} is there, and called removed`),
    ...[...known].flatMap(([tag, event]) =>
      event !== "removed" && !present.includes(tag) ? [`${tag} is gone, and the ledger says ${event}`] : [],
    ),
    ...manifests.filter((tag) => !present.includes(tag)).map((tag) => `a manifest without a release: ${tag}`),
    ...present.filter((tag) => !manifests.includes(tag)).map((tag) => `a release without a manifest: ${tag}`),
  ];
}

const EXPECTED: Readonly<Record<string, RegExp>> = {
  "": /^(?:current|releases|shared|run|lib|\.zdr)$/,
  ".zdr":
    /^(?:agent-[0-9a-f]+\.cjs|answer\.json|code-cache|ledger\.ndjson|lock\.\d+|manifests|incoming|reserve|traces)$/,
  ".zdr/incoming": /^$/,
  ".zdr/traces": /^[0-9a-f-]+\.json$/,
  run: /^shop(?:\.json)?$/,
  "run/shop": /^(?:shop|graceful|keeper\.(?:sock|json|state\.json))$/,
};

/** What overseer's fetcher makes of a binary that it has noticed; the one that it runs by then it looks at once more, and removes. */
const FETCHED = /^overseer-[0-9a-f]+$/;

/** Files that nothing on this host has a use for any more. */
async function leftovers(deployTo: string): Promise<string[]> {
  const isFetching = async () =>
    (await readdir(join(deployTo, "run/shop")).catch(() => [])).some((name) => FETCHED.test(name));
  // What does not go is told below.
  await eventually(async () => !(await isFetching()), { name: "overseer has fetched", timeoutMs: 10_000 }).catch(
    () => {},
  );
  const found: string[] = [];
  for (const [folder, expected] of Object.entries(EXPECTED)) {
    const names = await readdir(join(deployTo, folder)).catch(() => []);
    found.push(...names.filter((name) => !expected.test(name)).map((name) => `left over: ${join(folder, name)}`));
  }
  const locks = (await readdir(join(deployTo, ".zdr"))).filter((name) => name.startsWith("lock."));
  if (locks.length !== 1) found.push(`${locks.length} locks: ${locks.join(", ")}`);
  for (const name of locks) {
    const path = join(deployTo, ".zdr", name);
    if (!(await lstat(path)).isFile()) continue;
    const { released } = JSON.parse(await readFile(path, "utf8")) as { released: boolean };
    if (!released) found.push(`${name} is still held`);
  }
  return found;
}
