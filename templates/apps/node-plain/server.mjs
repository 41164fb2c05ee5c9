// A plain Node server: it is stopped and started again, and between the two nobody listens (as long as the new one needs
// to start, and as the slowest request in flight). zdr measures that gap and prints it.
//
// Build:   cp server.mjs dist/ && echo v1.2 > dist/VERSION
// Deploy:  build: { path: dist/ }
//
//     programs:
//       shop: { command: "/usr/bin/node {current}/server.mjs --addr 127.0.0.1:8080", reload: restart,
//               health: { http: "http://127.0.0.1:8080/healthz" } }
//
// On TERM, which is what supervisor sends, it takes no new requests, answers those in flight, and ends.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const LONGEST_MS = 60_000;

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

const server = createServer(async (request, response) => {
  const [status, text] = await answer(new URL(request.url, "http://localhost"));
  response.setHeader("X-Release", release);
  // Without this a busy client could keep its connection, and this process, for ever.
  if (isStopping) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
});

let isStopping = false;
function stop() {
  if (isStopping) return;
  isStopping = true;
  server.close(() => console.log(`release ${release} is done`));
  server.closeIdleConnections(); // Node 18 leaves them to us
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

const colon = values.addr.lastIndexOf(":");
server.listen(Number(values.addr.slice(colon + 1)), values.addr.slice(0, colon), () => {
  console.log(`release ${release} serves on ${values.addr}`);
});
