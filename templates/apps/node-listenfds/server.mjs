// A Node server that gets its listening socket from whoever starts it (LISTEN_FDS, as systemd and others do it), and
// drains on TERM. Nothing in it knows of reloads: zdr's keeper holds the socket, starts the new release beside the old
// one, waits until it accepts, and then ends the old one. A release that crashes or hangs costs nothing.
//
// Build:   cp server.mjs dist/ && echo v1.2 > dist/VERSION
// Deploy:  build: { path: dist/ }
//
//     programs:
//       shop: { command: "/usr/bin/node {current}/server.mjs", reload: node, listen: "127.0.0.1:8080",
//               health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Started by itself, without LISTEN_FDS, it listens on --addr.
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

/** What to listen on: the sockets that were handed over, by the rules of sd_listen_fds(3), or else one of its own. */
function targets() {
  const { LISTEN_PID: pid = `${process.pid}`, LISTEN_FDS: count = "0" } = process.env;
  // Meant for this process, not for those that it starts.
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete process.env[name];
  if (pid === `${process.pid}` && Number(count) > 0)
    return Array.from({ length: Number(count) }, (_, i) => ({ fd: 3 + i }));
  const colon = values.addr.lastIndexOf(":");
  return [{ host: values.addr.slice(0, colon), port: Number(values.addr.slice(colon + 1)) }];
}

const servers = targets().map((target) =>
  createServer(handle)
    .on("connection", (socket) => socket.setTimeout(HEARING_LIMIT_MS))
    .listen(target, () =>
      console.log(`release ${release} serves on ${"fd" in target ? `fd ${target.fd}` : values.addr}`),
    ),
);

let isStopping = false;
async function stop() {
  if (isStopping) return;
  isStopping = true;
  // Closes only what this process has of the sockets: others go on listening on them.
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const server of servers) server.closeIdleConnections(); // Node 18 leaves them to us
  await Promise.all(closed); // no limit of its own: whoever sent TERM ends this process when it takes too long
  console.log(`release ${release} is done`);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
