/**
 * A headless Chromium for one test, told what to do over a pipe by its own DevTools protocol: no driver whose version has to
 * fit it, and no port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Cleanup } from "../rig.ts";

/** Debian's package, and the names that others give it. */
const PROGRAM = process.env.CHROMIUM ?? "chromium";
/** For a machine that does something else meanwhile. */
const PATIENCE_MS = 60_000;

type Fields = Readonly<Record<string, unknown>>;

interface Message extends Fields {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

/** One page in a browser. */
export interface BrowserPage {
  send(method: string, params?: Fields): Promise<Fields>;
  /** Calls `hear` with every event of the page. */
  onEvent(hear: (method: string, params: Fields) => void): void;
  /** What an expression is there, as JSON can say it; a promise is waited for. */
  evaluate<T>(expression: string): Promise<T>;
}

export async function startChromium(cleanup: Cleanup): Promise<BrowserPage> {
  const profile = await mkdtemp(join(tmpdir(), "zdr-chromium-"));
  const child = spawn(PROGRAM, argumentsOf(profile), { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()).on("error", () => resolve()));
  cleanup.after(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const call = connect(child);
  const { targetId } = await call.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call.send("Target.attachToTarget", { targetId, flatten: true });
  const send = (method: string, params: Fields = {}) => call.send(method, params, String(sessionId));
  return {
    send,
    onEvent: (hear) => call.onEvent(hear),
    async evaluate<T>(expression: string) {
      const answer = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails));
      return (answer.result as { readonly value: T }).value;
    },
  };
}

/** As root there is no sandbox to be had, and in a container /dev/shm may be small. What is shown is our own. */
function argumentsOf(profile: string): string[] {
  const flags = ["no-sandbox", "disable-dev-shm-usage", "disable-gpu", "no-first-run", "disable-extensions"];
  const quiet = ["disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"];
  const all = ["headless=new", "remote-debugging-pipe", `user-data-dir=${profile}`, ...flags, ...quiet];
  return [...all.map((flag) => `--${flag}`), "about:blank"];
}

/** Messages of JSON, each with a NUL behind it: commands go into descriptor 3, answers and events come out of 4. */
function connect(child: ChildProcess) {
  const [, , , input, output] = child.stdio as unknown as [null, null, Readable, Writable, Readable];
  const waiting = new Map<number, { resolve: (result: Fields) => void; reject: (error: Error) => void }>();
  const listeners: ((method: string, params: Fields) => void)[] = [];
  let said = "";
  let nextId = 1;
  const giveUp = (why: string) => {
    for (const { reject } of waiting.values()) reject(new Error(`${PROGRAM}: ${why}: ${said.slice(-2000)}`));
    waiting.clear();
  };
  child.on("error", (error) => giveUp(error.message));
  child.on("exit", (code) => giveUp(`ended with ${code}`));
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  input.on("error", () => {});
  let rest = "";
  output.setEncoding("utf8").on("data", (text: string) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop() ?? "";
    for (const message of messages) take(JSON.parse(message));
  });
  const take = ({ id, method, params = {}, result = {}, error }: Message) => {
    if (method !== undefined) for (const hear of listeners) hear(method, params);
    if (id === undefined) return;
    const one = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) one?.resolve(result);
    else one?.reject(new Error(error.message));
  };
  return {
    onEvent: (hear: (method: string, params: Fields) => void) => void listeners.push(hear),
    send(method: string, params: Fields, sessionId?: string): Promise<Fields> {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => giveUp(`no answer to ${method} within ${PATIENCE_MS} ms`), PATIENCE_MS);
        const over =
          <T>(then: (value: T) => void) =>
          (value: T) => {
            clearTimeout(late);
            then(value);
          };
        waiting.set(id, { resolve: over(resolve), reject: over(reject) });
        input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      });
    },
  };
}
