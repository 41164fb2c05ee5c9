/** Hosts that nobody can be reached at: what is said of each, and that it is said in time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { linkFailureOf, type SshRig, startSshRig } from "./rig.ts";

describe("a link does not come to stand:", () => {
  let rig: SshRig;
  before(async () => {
    rig = await startSshRig();
  });
  after(() => rig.stop());

  const withServer = async (onSocket: (socket: Socket) => void, check: (port: number) => Promise<unknown>) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      onSocket(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await check((server.address() as AddressInfo).port);
    } finally {
      server.close();
    }
  };

  test("nobody listens", async () => {
    const failure = await withServerClosed((port) => linkFailureOf(rig.connect({ port }), "unreachable"));
    assert.match(failure.detail, /ECONNREFUSED/);
  });

  test("there is no host of that name", async () => {
    const failure = await linkFailureOf(rig.connect({ address: "no-such-host.invalid" }), "unreachable");
    assert.match(failure.detail, /ENOTFOUND|EAI_AGAIN/);
    assert.match(failure.address, /@no-such-host\.invalid:\d+$/);
  });

  test("the host accepts no connection in time", async () => {
    const full = spawn("python3", ["-u", "-c", FULL_LISTENER], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const [text] = await once(full.stdout, "data");
      const failure = await linkFailureOf(
        rig.connect({ port: Number(String(text)), timeouts: { connectMs: 200 } }),
        "connect-timeout",
      );
      assert.equal(failure.timeoutMs, 200);
    } finally {
      full.kill("SIGKILL");
    }
  });

  test("the host accepts, and then says nothing", async () => {
    await withServer(
      () => {},
      async (port) => {
        const failure = await linkFailureOf(rig.connect({ port, timeouts: { handshakeMs: 200 } }), "handshake");
        assert.equal(failure.detail, "the host said nothing for 0.2 s");
      },
    );
  });

  test("the host hangs up at once, as sshd does with too many connections", async () => {
    await withServer(
      (socket) => socket.destroy(),
      (port) => linkFailureOf(rig.connect({ port }), "handshake"),
    );
  });

  test("something else than SSH answers", async () => {
    await withServer(
      (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (port) => linkFailureOf(rig.connect({ port }), "handshake"),
    );
  });

  test("host and client have no algorithm in common", async () => {
    const strange = await startSshRig({ extraConfig: ["KexAlgorithms sntrup761x25519-sha512@openssh.com"] });
    try {
      const failure = await linkFailureOf(strange.connect(), "handshake");
      assert.match(failure.detail, /key exchange/);
    } finally {
      await strange.stop();
    }
  });
});

async function withServerClosed<T>(check: (port: number) => Promise<T>): Promise<T> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return check(port);
}

/** A queue of connections that is full, so that the kernel answers no further one; ends with its stdin. */
const FULL_LISTENER = `
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
held = []
for _ in range(4):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(server.getsockname())
    held.append(client)
print(server.getsockname()[1])
sys.stdin.read()
`;
