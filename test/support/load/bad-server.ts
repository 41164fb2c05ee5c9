/** A server of bare sockets that does to each request what a test wants done to it. */
import { createServer, type Server, type Socket } from "node:net";
import { resetSocket } from "./reset.ts";

/** `nth`: which request it is on its connection, from 1. */
export type Behaviour = (socket: Socket, nth: number) => void;

export interface BadServer {
  readonly url: string;
  readonly port: number;
  /** Takes effect with the next request. */
  behave(behaviour: Behaviour): void;
  requests(): number;
  connections(): number;
  /** As a restart does: refuses new connections and resets those that are there. */
  down(): Promise<void>;
  up(): Promise<void>;
}

const HOST = "127.0.0.1";

export const answer = (status: string, body = "v1", headers = "") =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
/** Answers well, and keeps the connection. */
export const fine: Behaviour = (socket) => socket.write(answer("200 OK"));
export const reset: Behaviour = resetSocket;

export async function startBadServer(behaviour: Behaviour): Promise<BadServer> {
  const sockets = new Set<Socket>();
  let [current, requests, connections] = [behaviour, 0, 0];
  const serve = (socket: Socket) => {
    connections++;
    let [nth, text] = [0, ""];
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        text = text.slice(end + 4);
        requests++;
        current(socket, ++nth);
      }
    });
  };
  let server = createServer(serve);
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, HOST, resolve));
  await listen(0);
  const port = portOf(server);
  return {
    url: `http://${HOST}:${port}/health`,
    port,
    behave(next) {
      current = next;
    },
    requests: () => requests,
    connections: () => connections,
    async down() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) reset(socket, 0);
      await closed;
    },
    async up() {
      server = createServer(serve);
      await listen(port);
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return address.port;
}
