/** Texts captured from a kernel 6.18 on x86-64, where not said otherwise. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  fdsOfPoll,
  fdsOfSelect,
  mappedPaths,
  parseEpollFdinfo,
  parseSocketTable,
  parseStat,
  parseStatusUids,
  parseSyscall,
  parseUnixSocketTable,
  ringMayAccept,
  socketInode,
  syscallWaitsForExec,
  TCP_LISTEN,
} from "../../../../../agent/core/process/proc.ts";

const STAT_REST =
  " S 24297 24290 4368 0 -1 4194304 139 0 0 0 0 0 0 0 20 0 1 0 197677 2990080 391 18446744073709551615 93896880267264 " +
  "93896880285193 140734128951872 0 0 0 0 6 0 1 0 0 17 1 0 0 0 0 0 93896880299280 93896880300544 93897018302464 0\n";

describe("/proc/<pid>/maps", () => {
  test("each file is told once, with the blanks in its name, and memory that is no file is not", () => {
    const text = [
      "557bc9c72000-557bc9c74000 r--p 00000000 fe:00 247278                     /usr/bin/head",
      "557bc9c74000-557bc9c7a000 r-xp 00002000 fe:00 247278                     /usr/bin/head",
      "7f0000000000-7f0000001000 rw-s 00000000 fe:00 12                         /data/web/shop/releases/v 1/db (deleted)",
      "7f0000001000-7f0000002000 rw-p 00000000 00:00 0 ",
      "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]",
      "",
    ].join("\n");
    assert.deepEqual([...mappedPaths(text)], ["/usr/bin/head", "/data/web/shop/releases/v 1/db (deleted)"]);
  });
});

describe("/proc/<pid>/stat", () => {
  test("the start time is the 22nd field, and the parent, the group and the session are told", () => {
    assert.deepEqual(parseStat(`24302 (sleep)${STAT_REST}`), {
      ...{ pid: 24302, comm: "sleep", state: "S", ppid: 24297, pgrp: 24290, session: 4368, startTicks: 197677 },
      ...{ hasExecuted: true, reapedFaults: 0, isKernel: false },
    });
  });

  test("page faults of children that were waited for are counted together", () => {
    const text = `7 (shop)${STAT_REST.replace(" 139 0 0 0 ", " 139 40 5 2 ")}`;
    assert.equal(parseStat(text)?.reapedFaults, 42);
  });

  test("a process that has executed nothing since it was forked is told by its flags", () => {
    assert.equal(parseStat(`7 (shop)${STAT_REST.replace(" 4194304 ", " 4194368 ")}`)?.hasExecuted, false);
  });

  test("a thread of the kernel's own is told by its flags", () => {
    const text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 4 0 0";
    assert.equal(parseStat(text)?.isKernel, true);
  });

  test("a name with blanks and parentheses does not move the fields behind it", () => {
    const found = parseStat(`24302 (a) S (b)${STAT_REST}`);
    assert.equal(found?.comm, "a) S (b");
    assert.equal(found.startTicks, 197677);
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (comm) => {
        assert.equal(parseStat(`1 (${comm})${STAT_REST}`)?.startTicks, 197677);
      }),
    );
  });

  test("a text that is cut off says nothing", () => {
    for (const text of ["", "24302", "24302 (sleep", "24302 (sleep) S 24297 24290", "x (sleep)".concat(STAT_REST)]) {
      assert.equal(parseStat(text), undefined, text);
    }
  });
});

test("the user ids of a process are its real, effective and saved one", () => {
  const text = "Name:\tUid:\t7\t7\t7\t7\nUmask:\t0022\nPid:\t8515\nUid:\t1000\t0\t33\t1000\nGid:\t0\t0\t0\t0\n";
  assert.deepEqual(parseStatusUids(text), { real: 1000, effective: 0, saved: 33 });
  assert.equal(parseStatusUids("Uid:\t1000\n"), undefined);
});

describe("/proc/net", () => {
  const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                     
   1: 0100007F:46C9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78102 1 00000000bc4f77a7 100 0 0 10 0                     
4094: 0100007F:46C9 0100007F:E2BE 01 00000000:00000000 00:00000000 00000000     0        0 78105 1 000000002f226f34 20 0 0 10 -1                    
`;

  test("an IPv4 table gives address, port, state and inode of each socket", () => {
    assert.deepEqual(parseSocketTable(TCP), [
      { address: "127.0.0.1", port: 18121, state: TCP_LISTEN, inode: 78102n },
      { address: "127.0.0.1", port: 18121, state: 1, inode: 78105n },
    ]);
  });

  test("an IPv6 table gives them too", () => {
    const row =
      "   0: 00000000000000000000000001000000:46C8 00000000000000000000000000000000:0000 0A 00000000:00000000 " +
      "00:00000000 00000000     0        0 78101 1 00000000e58ce6e5 100 0 0 10 0\n";
    const [found] = parseSocketTable(row);
    assert.deepEqual(found, { address: "0:0:0:0:0:0:0:1", port: 18120, state: TCP_LISTEN, inode: 78101n });
  });

  test("of a table only the rows in the states that are asked for are told, in both families", () => {
    const wide = TCP.replaceAll(/\b(0100007F|00000000)(?=:[0-9A-F]{4} )/g, "000000000000000000000000$1");
    for (const table of [TCP, wide]) {
      const rows = (states?: number[]) => parseSocketTable(table, states && new Set(states)).map(({ inode }) => inode);
      assert.deepEqual(rows([TCP_LISTEN]), [78102n]);
      assert.deepEqual(rows([1]), [78105n]);
      assert.deepEqual(rows([6]), []);
      assert.deepEqual(rows([1, TCP_LISTEN]), rows());
    }
  });

  test("a row that is cut off in the middle is no socket", () => {
    const row = TCP.split("\n")[1] ?? "";
    for (let end = 0; end < row.indexOf("78102"); end++) assert.deepEqual(parseSocketTable(row.slice(0, end)), []);
  });

  test("a unix socket listens by its flag, whatever its path looks like", () => {
    const text = `Num       RefCount Protocol Flags    Type St Inode Path
00000000729650e6: 00000003 00000000 00000000 0001 03  1057
0000000047c8a261: 00000002 00000000 00010000 0001 01 78103 /tmp/00000000: 00000002 00000000 00000000 0001 01 5
`;
    assert.deepEqual(
      parseUnixSocketTable(text).map(({ inode, isListening }) => ({ inode, isListening })),
      [
        { inode: 1057n, isListening: false },
        { inode: 78103n, isListening: true },
      ],
    );
  });

  test("a unix connection that was accepted has its listener's path, and the client's end none", () => {
    const text = `Num       RefCount Protocol Flags    Type St Inode Path
00000000729650e6: 00000003 00000000 00000000 0001 03  1057
0000000047c8a261: 00000003 00000000 00000000 0001 03 78104 /run/shop.sock
0000000047c8a262: 00000002 00000000 00010000 0001 01 78103 /run/shop.sock
`;
    const accepted = parseUnixSocketTable(text).filter(({ isAccepted }) => isAccepted);
    assert.deepEqual(
      accepted.map(({ inode }) => inode),
      [78104n],
    );
  });
});

test("of the links in /proc/<pid>/fd only a socket's own spelling is a socket", () => {
  assert.equal(socketInode("socket:[13734]"), 13734n);
  for (const target of ["pipe:[13734]", "/tmp/socket:[1]", "socket:[]", "socket:[1] (deleted)"]) {
    assert.equal(socketInode(target), undefined, target);
  }
});

describe("an epoll set", () => {
  test("each file in it is told by its fd and its inode, which is printed in hex", () => {
    const text = `pos:\t0
flags:\t02000002
mnt_id:\t17
ino:\t1038
tfd:        3 events:       1f data:                3  pos:0 ino:13115 sdev:9
tfd:        7 events: 80000019 data:                7  pos:0 ino:13119 sdev:9
`;
    assert.deepEqual(parseEpollFdinfo(text), [
      { fd: 3, inode: 78101n, forWriting: true },
      { fd: 7, inode: 78105n, forWriting: false },
    ]);
  });

  test("kernels before 4.13 tell no inode", () => {
    const text = "pos:\t0\nflags:\t02\ntfd:        5 events:       1d data: ffffffffffffffff\n";
    assert.deepEqual(parseEpollFdinfo(text), [{ fd: 5, inode: undefined, forWriting: true }]);
  });
});

describe("an io_uring", () => {
  const ring = (pending: string) => `pos:\t0\nSqMask:\t0xff\nPollList:\n${pending}CqOverflowList:\nNAPI:\tdisabled\n`;

  test("that waits for nothing, as each of Node's, accepts nothing", () => {
    assert.equal(ringMayAccept(ring("")), false);
    assert.equal(ringMayAccept(ring("  op=22, task_works=0\n")), false);
  });

  test("that waits in accept or in poll, or does not tell, may accept", () => {
    assert.equal(ringMayAccept(ring("  op=22, task_works=0\n  op=13, task_works=0\n")), true);
    assert.equal(ringMayAccept(ring("  op=6, task_works=0\n")), true);
    assert.equal(ringMayAccept("pos:\t0\nflags:\t02\n"), true);
  });
});

describe("the system call in which a thread waits", () => {
  test("accept4 waits on the fd of its first argument", () => {
    const text = "288 0x3 0x7fa1a3037a10 0x7fa1a3037a04 0x80000 0x0 0x0 0x7fa1a30379b0 0x7fa1a3f28fa8\n";
    assert.deepEqual(parseSyscall(text, "x64"), { call: "accept", fd: 3 });
    assert.deepEqual(parseSyscall(text.replace("288", "242"), "arm64"), { call: "accept", fd: 3 });
  });

  test("pselect6 tells where its read set is", () => {
    const text = "270 0x8 0x40e320f8f0 0x0 0x0 0x0 0x0 0x7f40e320f810 0x7f40e48c09ec\n";
    assert.deepEqual(parseSyscall(text, "x64"), { call: "select", count: 8, readSet: 0x40e320f8f0n });
    assert.deepEqual(parseSyscall(text.replace("270", "72"), "arm64"), {
      ...{ call: "select", count: 8, readSet: 0x40e320f8f0n },
    });
  });

  test("poll has its list first and its count second", () => {
    const text = "7 0x7f40e4050760 0x1 0xffffffff 0x0 0x0 0x7f40e474e6e8 0x7f40e3a1ca30 0x7f40e48be26f\n";
    assert.deepEqual(parseSyscall(text, "x64"), { call: "poll", count: 1, list: 0x7f40e4050760n });
  });

  test("the numbers of one machine mean nothing on another", () => {
    const accept4 = "288 0x3 0x0 0x0 0x80000 0x0 0x0 0x7fa1a30379b0 0x7fa1a3f28fa8\n";
    assert.deepEqual(parseSyscall(accept4, "arm64"), { call: "other" });
  });

  test("a running thread, and any other call, wait on nothing that tells who accepts", () => {
    const epollWait = "232 0x8 0x7f40d8000ba0 0x3ff 0xffffffff 0x0 0x7f40e474e6e8 0x7f40e2a16a30 0x7f40e48caf36\n";
    for (const text of ["running\n", "-1 0x7ffd 0x7f\n", epollWait, "", "288"]) {
      assert.deepEqual(parseSyscall(text, "x64"), { call: "other" }, text);
    }
  });
});

describe("sets of fds in the memory of a process", () => {
  test("an fd_set has one bit for each fd, and bits beyond the count are not read", () => {
    assert.deepEqual(fdsOfSelect(Uint8Array.of(0b1010_0000, 0b0000_0011), 9), [5, 7, 8]);
    assert.deepEqual(fdsOfSelect(Uint8Array.of(0b1010_0000), 64), [5, 7], "less memory than was asked for");
  });

  test("every set of fds is read back from its fd_set", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 1023 })), (fds) => {
        const set = new Uint8Array(128);
        for (const fd of fds) set[fd >> 3] = (set[fd >> 3] ?? 0) | (1 << (fd & 7));
        assert.deepEqual(
          fdsOfSelect(set, 1024),
          fds.toSorted((a, b) => a - b),
        );
      }),
    );
  });

  test("of a poll list those fds count that are waited on for reading", () => {
    const list = Buffer.alloc(8 * 4);
    list.writeInt32LE(3, 0);
    list.writeInt16LE(0x1, 4);
    list.writeInt32LE(4, 8);
    list.writeInt16LE(0x4, 12); // POLLOUT
    list.writeInt32LE(-1, 16); // ignored by poll(2)
    list.writeInt16LE(0x1, 20);
    list.writeInt32LE(9, 24);
    list.writeInt16LE(0x3, 28);
    assert.deepEqual(fdsOfPoll(list), [3, 9]);
    assert.deepEqual(fdsOfPoll(list.subarray(0, 29)), [3], "a cut entry is none");
  });
});

test("only a kernel before 5.7 may have whoever reads what a thread waits in wait as well", () => {
  for (const release of ["3.10.0-1160.el7.x86_64", "4.18.0-553.el8_10.x86_64", "5.4.0-216-generic", "5.6.19"])
    assert.equal(syscallWaitsForExec(release), true, release);
  for (const release of ["5.7.0", "5.10.0-33-amd64", "6.1.0-28-arm64", "6.18.44-fc-v657", "10.0", ""])
    assert.equal(syscallWaitsForExec(release), false, release);
});
