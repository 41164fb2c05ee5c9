import { readFile } from "node:fs/promises";
import { createServer } from "node:net";

/** Above the ports that fetch refuses to ask. */
const LOWEST = 11_000;
const given = new Set<number>();

/**
 * A port of loopback that nobody listens on, from below those that the kernel gives to connections: one of those could be
 * taken by any client until the program is there, and again whenever it is started anew. None is given twice.
 */
export async function freePort(): Promise<number> {
  const [end] = (await readFile("/proc/sys/net/ipv4/ip_local_port_range", "latin1")).split(/\s/).map(Number);
  const below = Math.max(Number(end), LOWEST + 10_000);
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (below - LOWEST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
