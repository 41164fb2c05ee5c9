/** Every path that zdr knows on a host. Nothing else in the agent joins path names of the layout. */
import { posix } from "node:path";

/** Modes of what is made, octal. `.zdr` and all in it are the deploying user's alone. */
export const PRIVATE_DIR_MODE = 0o700;
export const PRIVATE_FILE_MODE = 0o600;
export const PUBLIC_DIR_MODE = 0o755;
/** inode(7): what is made in such a folder belongs to the folder's group. */
export const SET_GROUP_ID = 0o2000;

export interface Layout {
  readonly deployTo: string;
  /** The link that says which release serves. */
  readonly current: string;
  readonly releases: string;
  readonly shared: string;
  readonly run: string;
  readonly zdr: string;
  readonly ledger: string;
  readonly manifests: string;
  readonly incoming: string;
  /** An operator's wish that nothing be deployed; the first is `freeze.json`. */
  freeze(n: number): string;
  /** What the last activation answered. */
  readonly answer: string;
  /** What was seen of the last activations. */
  readonly traces: string;
  trace(activation: string): string;
  /** A file of known size that is given up when the disk is too full for the ledger's verdict. */
  readonly reserve: string;
  release(tag: string): string;
  /** What `current` holds: a relative link, so that the whole of deploy_to can be moved. */
  linkTarget(tag: string): string;
  manifest(tag: string): string;
  lock(n: number): string;
  /** Where keepers lie, readable by everybody. */
  readonly lib: string;
  /** The link that supervisor's sections start; moved by `setup` only. */
  readonly keeper: string;
  /** Node, by which supervisor starts the keeper. */
  readonly node: string;
  keeperBundle(hash: string): string;
  /** What a keeper runs: argv and environment. */
  keptProgram(program: string): string;
  /** Where that is written first if the program is another user's, so that it gets that user's group. */
  keptDraft(program: string): string;
  keeperSocket(program: string): string;
  /** Of one program: its slot and its keeper's socket. */
  programRun(program: string): string;
  /** The hard link of a program's binary that supervisor starts in strategy `slot`, and that a program starts by a relative path. */
  slot(program: string, binary: string): string;
  incomingUpload(id: string): string;
}

/** `node`: an absolute path that outlives updates of Node where there is one. */
export function layoutOf(deployTo: string, node = "/usr/bin/node"): Layout {
  const under = (...parts: string[]) => posix.join(deployTo, ...parts);
  return {
    deployTo: posix.normalize(deployTo),
    current: under("current"),
    releases: under("releases"),
    shared: under("shared"),
    run: under("run"),
    zdr: under(".zdr"),
    ledger: under(".zdr", "ledger.ndjson"),
    manifests: under(".zdr", "manifests"),
    incoming: under(".zdr", "incoming"),
    freeze: (n) => under(".zdr", n === 0 ? "freeze.json" : `freeze.${n}.json`),
    answer: under(".zdr", "answer.json"),
    traces: under(".zdr", "traces"),
    trace: (activation) => under(".zdr", "traces", `${activation}.json`),
    reserve: under(".zdr", "reserve"),
    lib: under("lib"),
    keeper: under("lib", "keeper.cjs"),
    node,
    keeperBundle: (hash) => under("lib", `keeper-${hash}.cjs`),
    keptProgram: (program) => under("run", `${program}.json`),
    keptDraft: (program) => under("run", `.${program}`),
    keeperSocket: (program) => under("run", program, "keeper.sock"),
    release: (tag) => under("releases", tag),
    linkTarget: (tag) => posix.join("releases", tag),
    manifest: (tag) => under(".zdr", "manifests", `${tag}.json`),
    lock: (n) => under(".zdr", `lock.${n}`),
    programRun: (program) => under("run", program),
    slot: (program, binary) => under("run", program, posix.basename(binary)),
    incomingUpload: (id) => under(".zdr", "incoming", id),
  };
}

/** The tag in what `current` holds, or undefined where it points outside `releases/`. */
export function tagOfLink(target: string, deployTo: string): string | undefined {
  const relative = target.startsWith("/") ? posix.relative(deployTo, target) : posix.normalize(target);
  const [folder, tag, ...rest] = relative.replace(/\/+$/, "").split("/");
  return folder === "releases" && tag !== undefined && tag !== "" && tag !== ".." && rest.length === 0
    ? tag
    : undefined;
}

/** Fills `{current}`, `{deploy_to}`, `{shared}`, `{run}` and `{release}` into words of a command. */
export function fillPlaceholders(word: string, places: Record<string, string>): string {
  return word.replace(/\{([a-z_]+)\}/g, (whole, name: string) =>
    Object.hasOwn(places, name) ? (places[name] ?? whole) : whole,
  );
}
