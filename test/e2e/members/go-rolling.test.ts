/** A Go server on the socket that supervisord opens: three of them run, and take the next release one after the other. */
import { testMembers } from "../../support/load/members-contract.ts";

testMembers({ sample: "go-members", program: { reload: "rolling", members: 3 }, members: 3, running: 3 });
