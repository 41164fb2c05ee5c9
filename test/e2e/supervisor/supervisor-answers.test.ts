/** Servers that are no supervisord, or one in trouble: each is told apart, in bounded time and memory. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentError } from "../../../agent/core/failure.ts";
import { openSupervisor } from "../../../agent/io/supervisor/supervisor.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import { startChild } from "../../support/child.ts";

const DEAF_SERVER = fileURLToPath(new URL("../../fixtures/hostile/deaf-server.py", import.meta.url));
const TIMEOUTS = { connectMs: 2_000, answerMs: 500 };
const VERSION =
  "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><string>4.2.5</string></value>\n</param>\n</params>\n</methodResponse>\n";
const withLength = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe("whatever answers on supervisor's socket", () => {
  let dir: string;
  let path: string;
  let server: Server;
  let connections = 0;
  let lastRequest = "";
  let behave: (socket: Socket) => void = () => {};

  before(async () => {
    dir = await mkdtemp("/tmp/zdr-answers-");
    path = `${dir}/s.sock`;
    server = createServer((socket) => {
      connections++;
      lastRequest = "";
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        const isFirst = lastRequest === "";
        lastRequest += chunk.toString();
        if (isFirst) behave(socket);
      });
    });
    server.listen(path);
    await once(server, "listening");
  });
  after(async () => {
    server.close();
    await rm(dir, { recursive: true });
  });

  const ask = (respond: (socket: Socket) => void): Promise<string> => {
    behave = respond;
    return openSupervisor({ kind: "unix", url: `unix://${path}`, path }, TIMEOUTS).getSupervisorVersion();
  };
  const refusal = async (respond: (socket: Socket) => void): Promise<AgentFailure> => {
    const error: unknown = await ask(respond).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof AgentError)) throw new Error("no AgentError", { cause: error });
    return error.failure;
  };

  test("is asked by one POST that carries its length, on a connection of its own", async () => {
    const before = connections;
    await ask((socket) => socket.end(withLength("200 OK", VERSION)));
    await ask((socket) => socket.end(withLength("200 OK", VERSION)));
    assert.equal(connections, before + 2);
    const [head, body] = lastRequest.split("\r\n\r\n");
    assert.match(head ?? "", /^POST \/RPC2 HTTP\/1\.0\r\n/);
    assert.ok(head?.includes(`\r\nContent-Length: ${Buffer.byteLength(body ?? "")}`));
  });

  test("may take its answer apart, and end it by its length or by closing", async () => {
    const answer = withLength("200 OK", VERSION);
    const cuts = [1, 9, answer.indexOf("\r\n\r\n") + 2, answer.length - 5];
    for (const cut of cuts) {
      const version = await ask((socket) => {
        socket.write(answer.slice(0, cut));
        setImmediate(() => socket.write(answer.slice(cut)));
      });
      assert.equal(version, "4.2.5", `cut at ${cut}`);
    }
    assert.equal(await ask((socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${VERSION}`)), "4.2.5");
  });

  test("is judged by its status line first, whatever the body says", async () => {
    const failure = await refusal((socket) => socket.end(withLength("500 Internal Server Error", VERSION)));
    const detail = "HTTP/1.1 500 Internal Server Error";
    assert.deepEqual(failure, { reason: "supervisor-answer", url: `unix://${path}`, detail });
    const page = "<html><head><title>401</title></head></html>";
    const unauthorized = await refusal((socket) => socket.end(withLength("401 Unauthorized", page)));
    assert.equal(unauthorized.reason, "supervisor-unauthorized");
  });

  test("is no supervisord when it speaks no HTTP, no XML-RPC, or something else than was asked", async () => {
    const number = VERSION.replaceAll("string", "int").replace("4.2.5", "4");
    for (const answer of [
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/2 nonsense\r\n\r\n",
      withLength("200 OK", "<html></html>"),
      withLength("200 OK", ""),
      withLength("200 OK", number),
      withLength("302 Found", ""),
    ]) {
      const failure = await refusal((socket) => socket.write(answer));
      assert.equal(failure.reason, "supervisor-answer", answer);
    }
  });

  test("is not believed when its answer is cut short", async () => {
    const half = withLength("200 OK", VERSION).slice(0, -20);
    assert.equal((await refusal((socket) => socket.end(half))).reason, "supervisor-answer");
    assert.equal((await refusal((socket) => socket.end("HTTP/1.1 200"))).reason, "supervisor-answer");
  });

  test("has died when it closes without a word", async () => {
    for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.destroy()]) {
      assert.equal((await refusal((socket) => leave(socket))).reason, "supervisor-not-running");
    }
  });

  test("is silent when the whole answer has not come in time, also when it trickles", async (t) => {
    let drip: NodeJS.Timeout | undefined;
    t.after(() => clearInterval(drip));
    const failure = await refusal((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
      drip = setInterval(() => socket.write("x"), 20);
    });
    assert.deepEqual(failure, { reason: "supervisor-silent", url: `unix://${path}`, timeoutMs: TIMEOUTS.answerMs });
  });

  test("cannot fill the memory", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "x");
    let isOpen = true;
    const failure = await refusal((socket) => {
      socket.on("close", () => {
        isOpen = false;
      });
      const pour = () => {
        while (isOpen && socket.write(chunk)) {}
      };
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.on("drain", pour);
      pour();
    });
    assert.equal(failure.reason, "supervisor-answer");
  });
});

test("a port that takes no connection is called silent when the time to connect is over", async (t) => {
  const deaf = await startChild(["/usr/bin/python3", DEAF_SERVER]);
  t.after(() => deaf.end());
  const address = {
    kind: "http",
    url: `http://127.0.0.1:${deaf.said}`,
    host: "127.0.0.1",
    port: Number(deaf.said),
  } as const;
  const error: unknown = await openSupervisor(address, { connectMs: 300, answerMs: 60_000 })
    .getSupervisorVersion()
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  assert.ok(error instanceof AgentError);
  assert.deepEqual(error.failure, { reason: "supervisor-silent", url: address.url, timeoutMs: 300 });
});
