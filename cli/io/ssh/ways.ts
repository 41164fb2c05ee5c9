/** How bytes get to an SSH server: by TCP, through a host on the way, or through a command of the operator's. */
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import type { LinkFailure, ZdrError } from "../../failure.ts";
import { gatherWrites } from "./gather-writes.ts";

/** Per address of a name that has several. Node's own 250 ms would give up on every far host. */
const NEXT_ADDRESS_AFTER_MS = 3_000;
const LOOKUP_PATIENCE_MS = 5;
const STDERR_TAIL_LENGTH = 1024;

export type Fail = (link: LinkFailure, cause?: unknown) => ZdrError;

export interface WayTarget {
  readonly address: string;
  readonly port: number;
  /** For messages: `deploy@web1:22`. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly fail: Fail;
}

export interface Way {
  /** Whatever this machine has to do for it by itself is done; the rest is waiting for others. */
  readonly underWay: Promise<unknown>;
  /** Rejects with a ZdrError of kind `link`. */
  readonly opened: Promise<Duplex>;
}

export type OpenWay = (target: WayTarget) => Way;

export const overTcp: OpenWay = ({ address, port, name, timeoutMs, fail }) => {
  const socket = connect({
    ...{ host: address, port, noDelay: true },
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
  });
  return { underWay: connecting(socket), opened: connected(socket, name, timeoutMs, fail) };
};

/** Through a host that we are logged in to. `jump` says which, in messages. */
export function throughHost(jump: {
  readonly name: string;
  forward(address: string, port: number): Promise<Duplex>;
}): OpenWay {
  return ({ address, port, name, fail }) => {
    const opened = jump.forward(address, port).catch((error: Error) => {
      throw fail({ kind: "jump", address: name, through: jump.name, detail: error.message }, error);
    });
    opened.catch(() => {});
    return { underWay: Promise.resolve(), opened };
  };
}

/** ssh_config(5), ProxyCommand: run by the operator's shell, since that is what it is written for. */
export function throughCommand(command: string): OpenWay {
  return ({ name, timeoutMs, fail }) => {
    const through = `ProxyCommand ${command}`;
    const child = spawn(process.env.SHELL ?? "/bin/sh", ["-c", `exec ${command}`], { stdio: "pipe" });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-STDERR_TAIL_LENGTH);
    });
    const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
    socket.on("close", () => child.kill());
    socket.on("error", () => {}); // the command's end says more
    const opened = new Promise<Duplex>((resolve, reject) => {
      const give = (detail: string, cause?: unknown) =>
        reject(fail({ kind: "jump", address: name, through, detail, command }, cause));
      const timer = setTimeout(() => give(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      child.on("error", (error) => give(error.message, error));
      child.on("close", (code, signal) => give(said.trim() || `it ended with ${signal ?? code}`));
      // Its first bytes are the server's; a command that ends without any says why on its stderr.
      child.stdout.on("readable", () => {
        if (child.stdout.readableLength === 0) return;
        clearTimeout(timer);
        resolve(socket);
      });
    });
    opened.catch(() => socket.destroy());
    return { underWay: Promise.resolve(), opened };
  };
}

/**
 * Loading keeps this process busy, so the kernel must have been asked to connect before; a name that is still being
 * looked up is not waited for.
 */
function connecting(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("connectionAttempt", () => resolve());
    setTimeout(resolve, LOOKUP_PATIENCE_MS);
  });
}

function connected(socket: Socket, address: string, timeoutMs: number, fail: Fail): Promise<Socket> {
  const opened = new Promise<Socket>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(fail({ kind: "connect-timeout", address, timeoutMs }));
    }, timeoutMs);
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(fail({ kind: "unreachable", address, detail: detailOf(error) }, error));
    });
    socket.on("connect", () => {
      clearTimeout(timer);
      gatherWrites(socket);
      resolve(socket);
    });
  });
  opened.catch(() => {});
  return opened;
}

/** A name with several addresses fails with one error for each. */
function detailOf(error: Error): string {
  return error instanceof AggregateError
    ? [...new Set(error.errors.map((one: Error) => one.message))].join(", ")
    : error.message;
}
