/**
 * Gets the agent running at the other end of a channel.
 *
 * The command line is fixed, the same for every host and user: no text of a user's reaches a shell. It is valid in sh,
 * bash, dash, fish, csh and busybox: the login shell only has to run `exec sh -c '…' zdr …` with words in single quotes.
 * What varies (paths, the hash, the magic) follows on stdin as one JSON line.
 *
 * sh finds a Node; Node runs the fixed script below, which checks the agent file on the host against the hash that the
 * CLI expects, asks for the file over the same channel where it is missing or differs, and runs it in the same process.
 */

/**
 * Plain JavaScript for any Node: it must live long enough to say that the Node is too old. In a function, because at the
 * top level of `-e` a `var crypto` would be the global WebCrypto.
 */
const LOADER = `(function () {
var fs = require("fs"), path = require("path"), crypto = require("crypto"), Module = require("module");
var held = Buffer.alloc(0);
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
var wanted = JSON.parse(line());
var node = process.versions.node;
if (parseInt(node, 10) < 18) { say(wanted.magic, { kind: "too-old", version: node, node: process.execPath }); process.exit(0); }
function sha256(bytes) { return crypto.createHash("sha256").update(bytes).digest("hex"); }
var code;
try {
  code = fs.readFileSync(wanted.path);
  if (sha256(code) !== wanted.sha256) code = undefined;
  else if (Module.enableCompileCache && fs.statSync(path.dirname(wanted.path)).uid === process.getuid())
    Module.enableCompileCache(path.join(path.dirname(wanted.path), "compile-cache"));
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
  if (sha256(code) !== wanted.sha256) { say(wanted.magic, { kind: "broken" }); process.exit(0); }
  try {
    if (fs.statSync(path.dirname(wanted.path)).uid === process.getuid()) {
      var temporary = wanted.path + "." + process.pid;
      fs.writeFileSync(temporary, code, { mode: 384, flag: "wx" });
      fs.renameSync(temporary, wanted.path);
    }
  } catch (error) { }
}
say(wanted.magic, { kind: "start" });
globalThis.zdrBootstrap = { leftover: held, sha256: wanted.sha256 };
var main = new Module(wanted.path);
main.filename = wanted.path;
main.paths = [];
main._compile(code.toString("utf8"), wanted.path);
})()`;

/**
 * Looks for a Node in the order: the path handed over on stdin (`-`: none), PATH, the usual places. `read` takes no byte
 * beyond its line from a pipe (POSIX read(1)), so Node finds the rest of stdin untouched.
 */
const FIND_NODE = [
  "IFS= read -r node",
  'if [ "$node" = - ]; then node=$(command -v node || command -v nodejs || :)',
  'for place in /usr/local/bin/node /usr/bin/node /usr/bin/nodejs /opt/node/bin/node /snap/bin/node; do if [ -z "$node" ] && [ -x "$place" ]; then node=$place; fi; done; fi',
  'if [ -x "$node" ]; then exec "$node" -e "eval(String(Buffer.from(process.argv[1],process.argv[2])))" "$1" base64; fi',
  "IFS= read -r line",
  'printf "\\n%s %s\\n" "zdr-no-node" "$node"',
].join("; ");

/** What the shell says where there is no Node; it knows no magic, because a shell can not read JSON. */
export const NO_NODE_MARK = "zdr-no-node";

export function bootstrapCommand(): string {
  return `exec sh -c '${FIND_NODE}' zdr ${Buffer.from(LOADER).toString("base64")}`;
}

export interface AgentFile {
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** What goes to stdin first: the Node to use, then what the loader wants to know. */
export function bootstrapInput(agent: AgentFile, magic: string, options: { node?: string; path: string }): string {
  return `${options.node ?? "-"}\n${JSON.stringify({ magic, path: options.path, sha256: agent.sha256 })}\n`;
}
