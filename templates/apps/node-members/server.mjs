// A Node server of which several run side by side, and drains on TERM: all have one socket that supervisord has opened, or
// each opens one of its own for the same port (SO_REUSEPORT, Node 22.12 and newer). Nothing in it knows of reloads: zdr
// starts the new release beside the old one, and when it accepts, and has done so for a while, stops the old one. A
// release that crashes or hangs costs nothing.
//
// Build:   cp server.mjs dist/ && echo v1.2 > dist/VERSION
// Deploy:  build: { path: dist/ }
//
//     programs:
//       shop: { command: "/bin/sh -c 'LISTEN_FDS=1 exec \"$@\" 3<&0 0</dev/null' sh /usr/bin/node {current}/server.mjs",
//               reload: bluegreen, listen: "127.0.0.1:8080", check: "/usr/bin/node --check {release}/server.mjs",
//               health: { http: "http://127.0.0.1:8080/healthz" } }
//
// supervisord's socket comes at fd 0, and is moved from there: as it ends, Node makes what it has at fd 0 blocking for all
// who share it. With sockets of their own, without `listen`, the host needs `sysctl net.ipv4.tcp_migrate_req=1`
// (Linux 5.14), or connections that wait for a process that goes are reset:
//
//       command: "/usr/bin/node {current}/server.mjs --addr 127.0.0.1:8080"
//
// `reload: rolling` with `members: 4` has four of them run all the time, and renews one after the other: what node:cluster
// would do with workers of its own, which supervisord's socket must not be given to.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const LONGEST_MS = 60_000;
/** For clients that connect and say nothing: they would hold up the drain, and Node looks for them no more by then. */
const HEARING_LIMIT_MS = 5_000;

// `import.meta.url` is a path in the release itself, whatever `current` names by now.
const release = readFileSync(new URL("VERSION", import.meta.url), "utf8").trim();
const { values } = parseArgs({ options: { addr: { type: "string", default: "127.0.0.1:8080" } } });

/** Throws when this process can not do its work. Ask here what yours depends on: a database, a queue. */
async function checkHealth() {}

async function answer(url) {
  switch (url.pathname) {
    case "/":
      return [200, `hello from ${release}`];
    case "/version":
      return [200, release];
    case "/healthz":
      return checkHealth().then(
        () => [200, "ok"],
        (error) => [503, error.message],
      );
    case "/slow": {
      // A request that takes its time, to watch a deploy wait for it.
      const ms = Number(url.searchParams.get("ms") ?? Number.NaN);
      if (!(ms >= 0 && ms <= LONGEST_MS)) return [400, `ms must be a number from 0 to ${LONGEST_MS}`];
      await sleep(ms);
      return [200, release];
    }
    case "/log":
      // A line in the log, to watch that none is lost.
      console.error(`release ${release} was told ${JSON.stringify(url.searchParams.get("text"))}`);
      return [200, release];
    default:
      return [404, "not found"];
  }
}

async function handle(request, response) {
  request.socket.setTimeout(0); // see HEARING_LIMIT_MS
  const [status, text] = await answer(new URL(request.url, "http://localhost"));
  response.setHeader("X-Release", release);
  // Without this a busy client could keep its connection, and this process, for ever.
  if (isStopping) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

/** supervisord's socket (an [fcgi-program:x]; nothing in it is about FastCGI but the name), or one of this process's own. */
function target() {
  if (process.env.LISTEN_FDS === "1") return { fd: 3 };
  const colon = values.addr.lastIndexOf(":");
  return { host: values.addr.slice(0, colon), port: Number(values.addr.slice(colon + 1)), reusePort: true };
}

const server = createServer(handle)
  .on("connection", (socket) => socket.setTimeout(HEARING_LIMIT_MS))
  .listen(target(), () => console.log(`release ${release} serves on ${JSON.stringify(server.address())}`));

let isStopping = false;
function stop() {
  if (isStopping) return;
  isStopping = true;
  // Closes only what this process has of the socket: others go on listening on it. No limit of its own: supervisor ends
  // this process after stopwaitsecs.
  server.close(() => console.log(`release ${release} is done`));
  server.closeIdleConnections(); // Node 18 leaves them to us
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
