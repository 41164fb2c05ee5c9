import { testDisks } from "../../support/disk/matrix.ts";

/** One moment of each phase; all of them: test/soak/disk.test.ts. */
const PHASES = [
  ...["lock: written", "incoming: made", "incoming: part of a file written", "incoming: synced", "manifest: written"],
  ...[
    "ledger: opened for activating",
    "flip: link made",
    "program: signalled",
    "ledger: opened for good",
    "prune: moved away",
  ],
];

await testDisks(new RegExp(`^(?:${PHASES.join("|")}) #1$`));
