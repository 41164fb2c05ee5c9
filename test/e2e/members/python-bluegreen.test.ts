/** A Python server on the socket that supervisord opens: one of two runs, and the other one takes the next release. */
import { testMembers } from "../../support/load/members-contract.ts";

// Each connection is a thread here: more than this is more than Python does on a machine that has other work.
testMembers({ sample: "python-members", program: {}, members: 2, running: 1, requestsPerSecond: 500 });
