/**
 * Whether a process accepts connections on a listening socket that it holds: the one fact that tells which of several
 * processes on a shared socket is ready. No probe from outside can tell that.
 *
 * - A listening socket in one of the process's epoll sets is accepted from (Go, Node, gunicorn's gthread). This is a
 *   standing fact: it holds while the process is busy, too.
 * - A thread that waits in accept(2), or in select(2) or poll(2) with that very fd in its read set, accepts. This is a
 *   fact of the moment: a worker that answers a request just now is not seen, so a caller asks again.
 * - A master that holds the socket for its workers is no acceptor. gunicorn's waits in select(2) too, but on its own pipe:
 *   measured (20.1, sync): master `pselect6(4, …)` with its listener at fd 5, workers `pselect6(8, …)` on fds 5 and 7.
 *   Hence the fds that are waited on are read out of the process's memory, where the kernel read them.
 * - overseer's master, built by a new Go, is the exception: os.NewFile puts every non-blocking socket into Go's epoll set,
 *   accepted from or not. Of programs with such a master the caller knows it (presets), and leaves the master out.
 * - Where that is denied (Yama's ptrace_scope 1 lets only root look), a process that sits in select or poll counts as
 *   `worker` if its parent holds the same socket and no child of it does. A master whose workers have all died looks
 *   the same as a worker but for its parent, so without such a parent the answer is `unknown`, never `yes`.
 */
import type { EpollTarget } from "./proc.ts";

/** `worker` is an inference (see above), the others were seen. */
export type AcceptsBy = "epoll" | "accept" | "select" | "poll" | "worker";
export interface Accepting {
  readonly accepts: "yes" | "no" | "unknown";
  readonly by?: AcceptsBy;
}

/** A listening socket, at one of the fds that it has in the process. */
export interface HeldSocket {
  readonly fd: number;
  readonly inode: bigint;
}

/**
 * What one thread does. `fds`: those that it waits to read or accept from. `hidden`: the call could not be read, only
 * the kernel function in which it sleeps (/proc/<pid>/wchan; `0` or empty: not told).
 */
export type ThreadWait =
  | { readonly kind: "waits"; readonly by: "accept" | "select" | "poll"; readonly fds: readonly number[] }
  | { readonly kind: "elsewhere" }
  | { readonly kind: "hidden"; readonly wchan: string };

export interface AcceptFacts {
  /** Listening sockets only. */
  readonly held: readonly HeldSocket[];
  /** Of all epoll sets of the process. */
  readonly epoll: readonly EpollTarget[];
  readonly threads: readonly ThreadWait[];
  /** An io_uring, which can accept without any of the signs above, may be waiting for connections. */
  readonly hasIoUring: boolean;
  /** Whether the parent, and any child, hold one of `held`; undefined: could not be told, or was not asked. */
  readonly parentHolds: boolean | undefined;
  readonly childHolds: boolean | undefined;
}

export function decideAccepting(facts: AcceptFacts): Accepting {
  if (facts.held.length === 0) return { accepts: "no" };
  const inSets = facts.epoll.filter((target) => isHeld(target, facts.held));
  // Go registers fds 0 to 2 by itself, for all that can happen (runtime/netpoll_epoll.go): a socket there says nothing, and
  // Go dups it before it listens. Whoever accepts at fd 0 itself, as Node and Python do, waits until it can be read.
  if (inSets.some((target) => target.fd > 2 || !target.forWriting)) return { accepts: "yes", by: "epoll" };
  const seen = facts.threads.find((thread) => thread.kind === "waits" && waitsOn(thread.fds, facts.held));
  if (seen?.kind === "waits") return { accepts: "yes", by: seen.by };
  const inferred = inferFromSleep(facts);
  if (inferred !== undefined) return inferred;
  return { accepts: facts.hasIoUring ? "unknown" : "no" };
}

/** Whether `decideAccepting` needs to know of parent and children: to be asked only then, it costs a walk over /proc. */
export function needsFamily(threads: readonly ThreadWait[]): boolean {
  return threads.some((thread) => thread.kind === "hidden" && isPolling(thread.wchan));
}

function inferFromSleep(facts: AcceptFacts): Accepting | undefined {
  const sleeps = facts.threads.flatMap((thread) => (thread.kind === "hidden" ? [thread.wchan] : []));
  // net/ipv4/inet_connection_sock.c: only accept(2) on a TCP socket sleeps there.
  if (sleeps.some((wchan) => wchan.startsWith("inet_csk_accept"))) return { accepts: "yes", by: "accept" };
  // Whoever has children that hold the socket leaves it to them.
  const polls = sleeps.some(isPolling) && facts.childHolds !== true;
  if (polls && facts.parentHolds === true && facts.childHolds === false) return { accepts: "yes", by: "worker" };
  const mayAccept = polls || sleeps.some((wchan) => wchan === "" || wchan === "0" || wchan.startsWith("__skb_wait"));
  return mayAccept ? { accepts: "unknown" } : undefined;
}

/** fs/select.c: select and poll both sleep in poll_schedule_timeout; compilers append `.constprop.0`. */
function isPolling(wchan: string): boolean {
  return wchan.startsWith("poll_schedule_timeout") || wchan.startsWith("do_select") || wchan.startsWith("do_poll");
}

/** The fds by which listening sockets stand in its epoll sets. */
export function epollFds({ held, epoll }: Pick<AcceptFacts, "held" | "epoll">): ReadonlySet<number> {
  return new Set(epoll.filter((target) => isHeld(target, held)).map(({ fd }) => fd));
}

function isHeld(target: EpollTarget, held: readonly HeldSocket[]): boolean {
  return held.some((socket) => (target.inode === undefined ? socket.fd === target.fd : socket.inode === target.inode));
}

function waitsOn(fds: readonly number[], held: readonly HeldSocket[]): boolean {
  return held.some((socket) => fds.includes(socket.fd));
}
