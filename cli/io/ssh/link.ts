/** The life of one ssh2 client: until it is logged in, the channels it opens, and how its end is heard of. */
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import type { LinkFailure } from "../../failure.ts";
import type { LinkEnd } from "./channel.ts";
import type { Login } from "./login.ts";

/** ssh2's errors say where they come from: https://github.com/mscdex/ssh2#client-events. */
export interface ClientError extends Error {
  readonly level?: string;
}

export interface Link extends LinkEnd {
  /** Why it ended, as far as it is known. */
  reason(): string;
}

/** Listens for as long as the client lives: an error event that nobody hears would end the process. */
export function watchLink(client: Client): Link {
  let isGone = false;
  let error: Error | undefined;
  const gone = new Promise<void>((resolve) => {
    client.on("close", () => {
      isGone = true;
      resolve();
    });
  });
  client.on("end", () => {
    isGone = true;
  });
  client.on("error", (caught) => {
    error ??= caught;
  });
  return { gone, isGone: () => isGone, reason: () => error?.message ?? "the host closed the connection" };
}

export interface SilenceTimer {
  /** While there is work on this machine, the host's time does not run; afterwards it begins anew. */
  pause(isPaused: boolean): void;
  stop(): void;
  readonly limitMs: number;
  readonly elapsed: Promise<void>;
}

export function silenceTimer(limitMs: number): SilenceTimer {
  let elapse: () => void;
  let isStopped = false;
  const elapsed = new Promise<void>((resolve) => {
    elapse = resolve;
  });
  const begin = () => setTimeout(() => elapse(), limitMs);
  let timer = begin();
  const pause = (isPaused: boolean) => {
    clearTimeout(timer);
    if (!isPaused && !isStopped) timer = begin();
  };
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { pause, stop, limitMs, elapsed };
}

/** What ended the login: an error, the host's hanging up, or its silence. */
export interface Setback {
  readonly phase: "handshake" | "login";
  readonly error?: ClientError;
  readonly silentMs?: number;
}

/** Resolves to undefined once the host has let us in. */
export function loggedIn(client: Client, silence: SilenceTimer): Promise<Setback | undefined> {
  let phase: Setback["phase"] = "handshake";
  return new Promise<Setback | undefined>((resolve) => {
    client.on("handshake", () => {
      phase = "login";
      silence.pause(false);
    });
    client.on("error", (error: ClientError) => {
      // A key that the agent would not sign with is one attempt that failed; the login goes on.
      if (error.level !== "agent") resolve({ phase, error });
    });
    client.on("close", () => resolve({ phase }));
    client.on("ready", () => resolve(undefined));
    void silence.elapsed.then(() => resolve({ phase, silentMs: silence.limitMs }));
  }).finally(silence.stop);
}

/** Names the failure by the phase, and by the level that ssh2 gives its errors. */
export function failureOf(
  { phase, error, silentMs }: Setback,
  login: Login,
  { address, user, hungUp }: { readonly address: string; readonly user: string; readonly hungUp: boolean },
): LinkFailure {
  const unusable = login.unusable();
  if (unusable !== undefined) return { kind: "key-file", path: unusable.path, detail: unusable.detail };
  if (silentMs !== undefined) {
    return { kind: "handshake", address, detail: `the host said nothing for ${silentMs / 1000} s` };
  }
  const detail = error?.message ?? "the host closed the connection";
  if (phase === "handshake") return { kind: "handshake", address, detail, isDropped: hungUp };
  if (error?.level === "client-socket") return { kind: "handshake", address, detail };
  // Refused by the host itself, for example after too many attempts: what it said is the last of them.
  const isOver = error?.level === "client-authentication";
  const attempts = isOver ? login.attempts() : [...login.attempts(), { what: "the host", outcome: detail }];
  return { kind: "auth", address, user, attempts };
}

/** Opens a session and runs `command` in it through the login shell. */
export function openChannel(
  client: Client,
  link: Link,
  command: string,
  timeoutMs: number,
): Promise<{ readonly stream: ClientChannel } | { readonly problem: LinkFailure }> {
  const during = "the start of a command";
  return new Promise((resolve) => {
    let isSettled = false;
    const settle = (outcome: { readonly stream: ClientChannel } | { readonly problem: LinkFailure }) => {
      clearTimeout(timer);
      if (isSettled && "stream" in outcome) outcome.stream.close();
      isSettled = true;
      resolve(outcome);
    };
    const lost = () => settle({ problem: { kind: "link-lost", during, detail: link.reason() } });
    const silent = () => settle({ problem: { kind: "link-silent", during, silentMs: timeoutMs } });
    const timer = setTimeout(silent, timeoutMs);
    void link.gone.then(lost);
    const open = (isLastTry: boolean) => {
      try {
        client.exec(command, (error, stream) => {
          if (link.isGone()) lost();
          else if (!error) settle({ stream });
          else if (isRefusal(error) && !isLastTry) open(true);
          else {
            const ofServer = isRefusal(error) ? ({ isNoSession: true } as const) : {};
            settle({ problem: { kind: "agent-start", detail: error.message, noise: "", ...ofServer } });
          }
        });
      } catch {
        lost(); // ssh2 throws where there is no connection
      }
    };
    open(false);
  });
}

/**
 * The host opens no channel. With MaxSessions 1, sshd says so also for a moment after the channel before was closed: it
 * frees its place only after it has handled what came in together with the close. Once we hear of it, it has.
 */
const isRefusal = (error: Error) => "reason" in error;

/** Opens a TCP connection from the other end on (RFC 4254 §7.2); rejects with an Error in words for the operator. */
export function forwardTo(
  client: Client,
  link: Link,
  { address, port }: { readonly address: string; readonly port: number },
  timeoutMs: number,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const settle = (error: Error | undefined, stream?: ClientChannel) => {
      clearTimeout(timer);
      if (stream !== undefined) resolve(stream);
      else reject(error ?? new Error(link.reason()));
    };
    void link.gone.then(() => settle(undefined));
    try {
      client.forwardOut("127.0.0.1", 0, address, port, (error, stream) => settle(error ?? undefined, stream));
    } catch {
      settle(undefined); // ssh2 throws where there is no connection
    }
  });
}
