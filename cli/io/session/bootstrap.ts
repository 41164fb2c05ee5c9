/**
 * Gets the agent running at the other end of a channel.
 *
 * No text of a user's reaches a shell as it is: the command is a fixed one, in which base64 stands for what varies, and a
 * path of Node that is anything but letters, digits and `/._-` comes on stdin. It is valid in sh, bash, dash, fish, csh and
 * busybox: the login shell only has to run `exec sh -c '…' zdr …` with words in single quotes.
 * All of this in the command and not on stdin, because ssh2 hands out a channel's stdin only after the host has confirmed
 * the command: the agent starts, and a first request without secrets is answered, a round trip earlier.
 *
 * sh finds a Node; Node runs the fixed script below, which checks the agent file on the host against the hash that the
 * CLI expects, asks for the file over the same channel where it is missing or differs, and runs it in the same process.
 * It runs with what V8 made of it the last time (agent/io/code-cache.ts), if that lies where only this user writes.
 */

import { posix } from "node:path";

/**
 * Plain JavaScript for any Node: it must live long enough to say that the Node is too old. In a function, because at the
 * top level of `-e` a `var crypto` would be the global WebCrypto.
 */
const LOADER = `(function () {
var fs = require("fs"), path = require("path"), crypto = require("crypto"), Module = require("module"), vm = require("vm");
var wanted = JSON.parse(String(Buffer.from(process.argv[3], "base64"))), folder = path.dirname(wanted.path);
var held = Buffer.from(wanted.early);
function more() {
  var chunk = Buffer.alloc(262144), count = 0;
  for (;;) {
    try { count = fs.readSync(0, chunk, 0, chunk.length, null); break; } catch (error) {
      if (error.code === "EAGAIN") { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); continue; }
      if (error.code === "EOF") break;
      throw error;
    }
  }
  if (count === 0) process.exit(0);
  return chunk.subarray(0, count);
}
function line() {
  var end;
  while ((end = held.indexOf(10)) === -1) held = Buffer.concat([held, more()]);
  var text = held.subarray(0, end).toString("utf8");
  held = held.subarray(end + 1);
  return text;
}
function say(magic, message) { fs.writeSync(1, "\\n" + magic + " " + JSON.stringify(message) + "\\n"); }
var node = process.versions.node;
if (parseInt(node, 10) < 18) { say(wanted.magic, { kind: "too-old", version: node, node: process.execPath }); process.exit(0); }
function sha256(bytes) { return crypto.createHash("sha256").update(bytes).digest(); }
function isOwn(folder) {
  try {
    var found = fs.lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid() && (found.mode & 18) === 0;
  } catch (error) { return false; }
}
var code;
try {
  code = fs.readFileSync(wanted.path);
  if (sha256(code).toString("hex") !== wanted.sha256) code = undefined;
} catch (error) { code = undefined; }
if (code === undefined) {
  say(wanted.magic, { kind: "need" });
  var early = [], announced;
  for (;;) {
    var text = line();
    var verb = JSON.parse(text).verb;
    if (verb === "agent") { announced = JSON.parse(text); break; }
    early.push(text + "\\n");
  }
  var parts = [held], count = held.length;
  while (count < announced.bytes) { var part = more(); parts.push(part); count += part.length; }
  held = Buffer.concat(parts);
  code = held.subarray(0, announced.bytes);
  held = Buffer.concat([Buffer.from(early.join("")), held.subarray(announced.bytes)]);
  if (sha256(code).toString("hex") !== wanted.sha256) { say(wanted.magic, { kind: "broken" }); process.exit(0); }
  try {
    if (isOwn(folder)) {
      var temporary = wanted.path + "." + process.pid;
      fs.writeFileSync(temporary, code, { mode: 384, flag: "wx" });
      fs.renameSync(temporary, wanted.path);
    }
  } catch (error) { }
}
say(wanted.magic, { kind: "start" });
var cache = path.join(folder, "code-cache", path.basename(wanted.path) + "-" + wanted.use), cached;
var usesCache = wanted.use !== undefined && isOwn(folder);
try {
  var stored = usesCache ? fs.readFileSync(cache) : undefined;
  if (stored && sha256(stored.subarray(32)).equals(stored.subarray(0, 32))) cached = stored.subarray(32);
} catch (error) { }
var script = new vm.Script(Module.wrap(code.toString("utf8")), { filename: wanted.path, cachedData: cached });
globalThis.zdrBootstrap = { leftover: held, sha256: wanted.sha256, use: wanted.use, limits: wanted.limits };
if (usesCache && (!cached || script.cachedDataRejected)) zdrBootstrap.codeCache = { path: cache, script: script };
var main = new Module(wanted.path);
main.filename = wanted.path;
main.paths = [];
script.runInThisContext().call(main.exports, main.exports, main.require.bind(main), main, wanted.path, folder);
})()`;

const NODE_PLACES = [
  "/usr/local/bin/node",
  "/usr/bin/node",
  "/usr/bin/nodejs",
  "/opt/node/bin/node",
  "/snap/bin/node",
] as const;

/** Where a Node was looked for. `asked`: the one that deploy.yml names, empty where it names none. */
export function searchedFor(asked: string): readonly string[] {
  return asked === "" ? ["PATH", ...new Set(NODE_PLACES.map((place) => posix.dirname(place)))] : [asked];
}

/**
 * Looks for a Node in the order: the path that was handed over (`stdin`: on a line of stdin; `search`: none), PATH, the
 * usual places.
 */
const FIND_NODE = [
  'if [ "$2" = stdin ]; then IFS= read -r node; elif [ "$2" != search ]; then node=$2',
  "else node=$(command -v node || command -v nodejs || :)",
  `for place in ${NODE_PLACES.join(" ")}; do if [ -z "$node" ] && [ -x "$place" ]; then node=$place; fi; done; fi`,
  'if [ -x "$node" ]; then exec "$node" -e "eval(String(Buffer.from(process.argv[1],process.argv[2])))" "$1" base64 "$3"; fi',
  'printf "\\n%s %s\\n" "zdr-no-node" "$node"',
].join("; ");

/** What the shell says where there is no Node; it knows no magic, because a shell can not read JSON. */
export const NO_NODE_MARK = "zdr-no-node";

export interface AgentFile {
  readonly sha256: string;
  readonly bytes: Buffer;
}

export interface BootstrapOptions {
  /** In front of every line of the loader's. Anybody on the host can see it: it tells noise from words, and no more. */
  readonly magic: string;
  /** Of Node on the host; absent: it is looked for. */
  readonly node?: string | undefined;
  /** Where the agent lies on the host. */
  readonly path: string;
  /** A word for what the agent will be asked: each has a code cache of its own. Absent: none is used. */
  readonly use?: string | undefined;
  /** Lines that the agent finds at the head of its stdin. They can be seen on the host, so they hold no secrets. */
  readonly early?: string | undefined;
  /** For the agent's side of the wire; absent: agent/protocol.ts says. */
  readonly heartbeatMs?: number | undefined;
  readonly silenceMs?: number | undefined;
}

export interface Bootstrap {
  readonly command: string;
  /** What has to go to stdin before anything else. */
  readonly input: string;
}

const PLAIN_PATH = /^\/[A-Za-z0-9._/-]*$/;

export function bootstrap({ sha256 }: AgentFile, options: BootstrapOptions): Bootstrap {
  const { magic, node, path, use, early = "", heartbeatMs, silenceMs } = options;
  const isPlain = node === undefined || PLAIN_PATH.test(node);
  const words = [
    base64(LOADER),
    isPlain ? (node ?? "search") : "stdin",
    base64(JSON.stringify({ magic, path, sha256, use, early, limits: { heartbeatMs, silenceMs } })),
  ];
  return { command: `exec sh -c '${FIND_NODE}' zdr ${words.join(" ")}`, input: isPlain ? "" : `${node}\n` };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
