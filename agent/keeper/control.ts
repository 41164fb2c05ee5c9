/** The keeper's end of `keeper.sock`: lines in, lines out; what they mean stands in wire.ts. */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import * as z from "zod/mini";
import type { Answer, AskVerb } from "./machine/model.ts";
import { answers } from "./sockets.ts";
import { isTooLong, SOCKET_PATH_LIMIT_BYTES } from "./spec.ts";
import { CONTROL_LINE_LIMIT_BYTES, type ControlReply, ControlRequest } from "./wire.ts";

/** The program's user and its group: whoever deploys is in that. */
const CONTROL_MODE = 0o660;

export interface ControlHandlers {
  /** `asker` names the request in what `answer` is called with. */
  ask(verb: AskVerb, asker: number): void;
  state(id: number): Promise<ControlReply>;
  prove(id: number, question: string): Promise<ControlReply>;
  compare(id: number, question: string): Promise<ControlReply>;
}

export interface Control {
  answer(asker: number, answer: Answer): void;
  close(): void;
}

interface Asker {
  readonly socket: Socket;
  readonly id: number;
}

/** @throws Error with a message for people: the path is too long, its folder is not ours, another keeper answers on it. */
export async function openControl(path: string, handlers: ControlHandlers): Promise<Control> {
  if (isTooLong(path)) throw new Error(`${path}: over ${SOCKET_PATH_LIMIT_BYTES} bytes, the limit of a socket's path`);
  if (await answers(path)) throw new Error(`${path}: another process answers on it`);
  rmSync(path, { force: true });
  const askers = new Map<number, Asker>();
  const server = createServer((socket) => converse(socket, askers, handlers));
  await listen(server, path);
  chmodSync(path, CONTROL_MODE);
  return {
    answer(asker, answer) {
      const to = askers.get(asker);
      if (to !== undefined) reply(to.socket, { ...answer, id: to.id } as ControlReply);
      if (answer.event !== "queued" && answer.event !== "started") askers.delete(asker);
    },
    close: () => {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(path, resolve);
  });
}

function converse(socket: Socket, askers: Map<number, Asker>, handlers: ControlHandlers): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("error", () => {});
  socket.on("close", () => {
    for (const [asker, to] of askers) if (to.socket === socket) askers.delete(asker);
  });
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) takeLine(line, socket, askers, handlers);
    if (rest.length > CONTROL_LINE_LIMIT_BYTES) socket.destroy();
  });
}

let lastAsker = 0;

function takeLine(line: string, socket: Socket, askers: Map<number, Asker>, handlers: ControlHandlers): void {
  const request = parseRequest(line);
  if (request === undefined) {
    reply(socket, { event: "bad-request", id: null });
    return;
  }
  const { id, verb, question = "" } = request;
  if (verb === "reload" || verb === "abort" || verb === "asked") {
    const asker = ++lastAsker;
    askers.set(asker, { socket, id });
    handlers.ask(verb, asker);
  } else if (verb === "state" || verb === "prove" || verb === "compare") {
    const answered = handlers[verb](id, question);
    // A process that was looked at may go in any moment: the client asks again.
    answered.then(
      (given) => reply(socket, given),
      () => reply(socket, { event: "bad-request", id }),
    );
  } else reply(socket, { event: "unsupported", id, verb });
}

function parseRequest(line: string): ControlRequest | undefined {
  try {
    return z.parse(ControlRequest, JSON.parse(line));
  } catch {
    return undefined;
  }
}

function reply(socket: Socket, given: ControlReply): void {
  if (socket.writable) socket.write(`${JSON.stringify(given)}\n`);
}
