import { testCrashes } from "../../support/crash/matrix.ts";

testCrashes("go-overseer", { hosts: 8 });
