/** Trouble with releases, uploads and shared files, in words. */
import { posix } from "node:path";
import type { AgentFailure } from "../../agent/wire/failure.ts";
import { onHost, shellWord, type Words, words } from "./words.ts";

type ReleaseFailure = Extract<
  AgentFailure,
  {
    reason:
      | "release-differs"
      | "release-missing"
      | "release-damaged"
      | "no-good-release"
      | "unsafe-path"
      | "file-corrupt"
      | "upload-cut"
      | "shared-conflict"
      | "shared-missing";
  }
>;

export function releaseWords(failure: ReleaseFailure): Words {
  switch (failure.reason) {
    case "release-differs":
      return words(
        `release ${failure.tag} is there with other content ` +
          `(there ${failure.stagedDigest === "" ? "what zdr has not put there" : shortDigest(failure.stagedDigest)}, ` +
          `this build ${shortDigest(failure.digest)}), and a release never changes`,
        "deploy this build under another tag: zdr deploy --tag NEW-TAG",
      );
    case "release-missing":
      return words(`there is no release ${failure.tag}`, "see which ones there are: zdr releases");
    case "release-damaged":
      return words(
        `release ${failure.tag} is not as it was published: ${damageWords(failure.path, failure.more)}`,
        // Of a file that was removed, the folder is there.
        `on the host, in deploy_to: ls -la ${shellWord(posix.join("releases", failure.tag, posix.dirname(failure.path)))}`,
        `name all that differs: zdr verify ${shellWord(failure.tag)}; and deploy the same build under another tag: zdr deploy --tag NEW-TAG`,
      );
    case "no-good-release":
      return words(
        failure.current === undefined
          ? "there is no release to go back to: the ledger calls none good"
          : `there is no release to go back to: the ledger calls none good but ${failure.current}, which is current`,
        "see what became of each: zdr releases; one that was withdrawn is taken by its name: zdr rollback --to TAG",
      );
    case "unsafe-path":
      return words(
        `the build holds "${failure.path}", which cannot be unpacked safely: ${failure.problem}`,
        BUILD_HINT,
      );
    case "file-corrupt":
      return words(
        `${failure.path} did not arrive as it was sent, so the upload was thrown away`,
        "check that the build does not change meanwhile, and run the command again",
      );
    case "upload-cut":
      return words(
        `the upload ended before its end: ${failure.detail}; what had arrived was thrown away`,
        "run the command again",
      );
    case "shared-conflict":
      return words(
        `the build holds ${failure.path}, which is also listed under "shared:"`,
        'leave it out of the build, or take it out of "shared:" in deploy.yml',
      );
    case "shared-missing":
      return words(
        `the shared file ${failure.path} does not exist`,
        onHost(`put it there: install -m 640 FILE ${shellWord(failure.path)}`),
      );
  }
}

function damageWords(path: string, more = 0): string {
  return more === 0 ? `${path} differs` : `${path} and ${more} more differ`;
}

const BUILD_HINT = "change the build so that every path stays inside of it, and run the command again";

function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
