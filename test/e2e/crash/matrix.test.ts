import { testCrashes } from "../../support/crash/matrix.ts";

testCrashes("go-overseer", {
  hosts: 3,
  only: /^(?:lock: linked|release: published|ledger: activating written|flip: renamed|program: signalled) /,
});
