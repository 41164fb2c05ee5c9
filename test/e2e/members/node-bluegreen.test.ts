/** A Node server on the socket that supervisord opens: one of two runs, and the other one takes the next release. */
import { testMembers } from "../../support/load/members-contract.ts";

testMembers({ sample: "node-members", program: {}, members: 2, running: 1 });
