/**
 * One command under way: argv, no shell, no stdin, a process group of its own.
 *
 * - Its output waits to be fetched. Where too much waits it is not read, and the command waits as it would for a slow reader.
 * - It has ended when it is gone and nobody of its own writes any more; `stop` ends all of its group.
 * - What it has said is whole, however slowly that is fetched.
 */
import { StringDecoder } from "node:string_decoder";
import type { OutputResult } from "../wire/exec.ts";
import { type PipedChild, type PipedOptions, startPiped } from "./process/piped-child.ts";

/** That waits to be fetched. */
const WAITING_CHARACTERS = 256 * 1024;
/** Something that it started, in a session of its own, may hold the pipes for ever. */
const PIPES_AFTER_EXIT_MS = 2_000;

type Chunk = OutputResult["chunks"][number];

export class Command {
  readonly #child: PipedChild | undefined;
  #chunks: Chunk[] = [];
  #waiting = 0;
  #ended: OutputResult["ended"];
  #wake: () => void = () => {};
  #hasExited = false;
  #closing: NodeJS.Timeout | undefined;

  constructor(argv: readonly string[], options: PipedOptions) {
    const child = startPiped(argv, options);
    if (typeof child === "string") {
      this.#end({ code: null, signal: null, problem: child });
      return;
    }
    this.#child = child;
    this.#read(child, "stdout");
    this.#read(child, "stderr");
    child.on("error", ({ message: problem }) => this.#end({ code: null, signal: null, problem }));
    child.on("exit", () => {
      this.#hasExited = true;
      this.#closePipesLater();
    });
    child.on("close", (code, signal) => this.#end({ code, signal }));
  }

  /** 0: it did not begin. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What has come since; waits for something, but no longer than this. */
  async take(waitMs: number, gone: AbortSignal): Promise<OutputResult> {
    if (this.#chunks.length === 0 && this.#ended === undefined && !gone.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          // A command that says nothing is asked for hours.
          gone.removeEventListener("abort", wake);
          resolve();
        };
        const timer = setTimeout(wake, waitMs);
        this.#wake = wake;
        gone.addEventListener("abort", wake);
      });
    }
    const chunks = this.#chunks;
    const wasFull = this.#isFull;
    this.#chunks = [];
    this.#waiting = 0;
    this.#child?.stdout.resume();
    this.#child?.stderr.resume();
    if (wasFull) this.#closePipesLater();
    return { chunks, ...(this.#ended === undefined ? {} : { ended: this.#ended }) };
  }

  stop(): void {
    if (this.#ended !== undefined || this.pid === 0) return;
    try {
      process.kill(-this.pid, "SIGTERM");
    } catch {
      // gone already
    }
  }

  #read(child: PipedChild, stream: "stdout" | "stderr"): void {
    const decoder = new StringDecoder("utf8");
    const source = child[stream];
    const add = (text: string) => {
      if (text === "") return;
      this.#chunks.push({ stream, text });
      this.#waiting += text.length;
      if (this.#isFull) {
        source.pause();
        clearTimeout(this.#closing);
      }
      this.#wake();
    };
    source.on("data", (bytes: Buffer) => add(decoder.write(bytes)));
    source.on("end", () => add(decoder.end()));
    source.on("error", () => {});
  }

  get #isFull(): boolean {
    return this.#waiting > WAITING_CHARACTERS;
  }

  /** Once it has exited. What it has said and nobody has had the room to read lies in the pipes, and is waited for. */
  #closePipesLater(): void {
    if (!this.#hasExited || this.#isFull) return;
    clearTimeout(this.#closing);
    this.#closing = setTimeout(() => {
      this.#child?.stdout.destroy();
      this.#child?.stderr.destroy();
    }, PIPES_AFTER_EXIT_MS).unref();
  }

  #end(ended: NonNullable<OutputResult["ended"]>): void {
    this.#ended ??= ended;
    this.#wake();
  }
}
