import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AcceptFacts,
  decideAccepting,
  needsFamily,
  type ThreadWait,
} from "../../../../../agent/core/process/accepting.ts";

const LISTENER = { fd: 5, inode: 13734n };
const POLLING: ThreadWait = { kind: "hidden", wchan: "poll_schedule_timeout.constprop.0" };

/** As Go adds files to its set, for all that can happen. */
const target = (fd: number, inode: bigint | undefined = LISTENER.inode, forWriting = true) => ({
  ...{ fd, inode, forWriting },
});

function decide(facts: Partial<AcceptFacts>) {
  const quiet = { held: [LISTENER], epoll: [], threads: [], hasIoUring: false };
  return decideAccepting({ ...quiet, parentHolds: undefined, childHolds: undefined, ...facts });
}

describe("what is seen", () => {
  test("a listening socket in an epoll set is accepted from, even while every thread is busy", () => {
    const epoll = [target(7)];
    assert.deepEqual(decide({ epoll, threads: [{ kind: "elsewhere" }] }), { accepts: "yes", by: "epoll" });
  });

  test("an epoll set without the listening socket says nothing", () => {
    assert.deepEqual(decide({ epoll: [target(5, 99n)] }), { accepts: "no" });
  });

  test("on a kernel that tells no inodes, the fd decides", () => {
    const untold = (fd: number) => ({ fd, inode: undefined, forWriting: true });
    assert.deepEqual(decide({ epoll: [untold(5)] }), { accepts: "yes", by: "epoll" });
    assert.deepEqual(decide({ epoll: [untold(6)] }), { accepts: "no" });
  });

  test("a socket at fd 0 in an epoll set proves nothing, since Go registers stdin by itself", () => {
    const held = [{ fd: 0, inode: 13734n }];
    assert.deepEqual(decide({ held, epoll: [target(0)] }), { accepts: "no" });
    assert.deepEqual(decide({ held, epoll: [target(0), target(6)] }), { accepts: "yes", by: "epoll" });
  });

  test("a socket at fd 0 that is waited on to be read is accepted from: Node and Python do so", () => {
    const held = [{ fd: 0, inode: 13734n }];
    assert.deepEqual(decide({ held, epoll: [target(0, 13734n, false)] }), { accepts: "yes", by: "epoll" });
  });

  test("a thread that waits in accept, select or poll on the listening socket accepts", () => {
    for (const by of ["accept", "select", "poll"] as const) {
      assert.deepEqual(decide({ threads: [{ kind: "waits", by, fds: [8, 5] }] }), { accepts: "yes", by });
    }
  });

  test("gunicorn's master, which waits in select on its own pipe, is no acceptor", () => {
    assert.deepEqual(decide({ threads: [{ kind: "waits", by: "select", fds: [3] }] }), { accepts: "no" });
  });

  test("who holds no listening socket does not accept, whatever it waits in", () => {
    assert.deepEqual(decide({ held: [], threads: [{ kind: "waits", by: "accept", fds: [5] }] }), { accepts: "no" });
  });

  test("a process that holds the socket and hangs does not accept", () => {
    assert.deepEqual(decide({ threads: [{ kind: "elsewhere" }] }), { accepts: "no" });
  });

  test("an io_uring may accept without a sign of it", () => {
    assert.deepEqual(decide({ hasIoUring: true }), { accepts: "unknown" });
  });
});

describe("where the kernel does not tell the system call", () => {
  test("only accept on a TCP socket sleeps in inet_csk_accept", () => {
    assert.deepEqual(decide({ threads: [{ kind: "hidden", wchan: "inet_csk_accept" }] }), {
      ...{ accepts: "yes", by: "accept" },
    });
  });

  test("a polling process whose parent holds the socket, and no child, is a worker", () => {
    const threads = [POLLING];
    assert.deepEqual(decide({ threads, parentHolds: true, childHolds: false }), { accepts: "yes", by: "worker" });
  });

  test("a polling master with workers is no acceptor", () => {
    assert.deepEqual(decide({ threads: [POLLING], parentHolds: false, childHolds: true }), { accepts: "no" });
  });

  test("a polling master whose workers have all died is not taken for a worker", () => {
    assert.deepEqual(decide({ threads: [POLLING], parentHolds: false, childHolds: false }), { accepts: "unknown" });
  });

  test("a family that could not be looked into leaves it open", () => {
    assert.deepEqual(decide({ threads: [POLLING], parentHolds: undefined, childHolds: false }), { accepts: "unknown" });
    assert.deepEqual(decide({ threads: [POLLING], parentHolds: true, childHolds: undefined }), { accepts: "unknown" });
  });

  test("a thread of which not even the sleep is told leaves it open, one that sleeps elsewhere does not", () => {
    assert.deepEqual(decide({ threads: [{ kind: "hidden", wchan: "0" }] }), { accepts: "unknown" });
    assert.deepEqual(decide({ threads: [{ kind: "hidden", wchan: "hrtimer_nanosleep" }] }), { accepts: "no" });
  });

  test("the family is asked about only where it can decide", () => {
    assert.equal(needsFamily([{ kind: "elsewhere" }, { kind: "hidden", wchan: "futex_do_wait" }]), false);
    assert.equal(needsFamily([{ kind: "elsewhere" }, POLLING]), true);
  });
});
