/** What the agent refused or could not do, in words. No switch here has a default: a failure without words does not compile. */
import { posix } from "node:path";
import type { AgentFailure } from "../../agent/wire/failure.ts";
import { formatInstant } from "../core/report/describe.ts";
import { describeFreeze } from "../core/report/describe-freeze.ts";
import { formatBytes, formatMs } from "../core/report/units.ts";
import { programWords } from "./agent-program.ts";
import { releaseWords } from "./agent-release.ts";
import { supervisorWords } from "./agent-supervisor.ts";
import { octal, onHost, shellWord, type Words, words } from "./words.ts";

const KEEP_HINT = 'keep fewer releases: a smaller "keep:" in deploy.yml';

function noSpaceWords({ path, needBytes, freeBytes, isQuota }: Extract<AgentFailure, { reason: "no-space" }>): Words {
  // What could not be written is often not there.
  const folder = shellWord(posix.dirname(path));
  if (isQuota === true) {
    const show = onHost(`quota -s      or, on btrfs: btrfs qgroup show -F ${folder}`);
    return words(`a quota is used up: no more can be written to ${path}`, show, KEEP_HINT);
  }
  if (needBytes === 0) return words(`no space is left on the disk for ${path}`, onHost(`df -h ${folder}`), KEEP_HINT);
  const [need, free] = [formatBytes(needBytes), formatBytes(freeBytes)];
  return words(`${path} needs ${need} but has ${free} free`, onHost(`df -h ${shellWord(path)}`), KEEP_HINT);
}

export function agentWords(failure: AgentFailure): Words {
  switch (failure.reason) {
    case "bad-request":
      return words(`the agent could not read what zdr asked: ${failure.detail}`, BUG_HINT);
    case "unsupported":
      return words(`the agent does not know the request "${failure.verb}"`, BUG_HINT);
    case "internal": {
      const [what = "", ...frames] = failure.detail.split("\n").map((line) => line.trim());
      return { ...words(`the agent failed in a way that it does not know: ${what}`, BUG_HINT), log: frames };
    }
    case "interrupted":
      return words("interrupted: what had not been activated was undone", "see what is there: zdr releases");
    case "layout-missing":
      return words(`${failure.path} does not exist, so this host is not set up`, "zdr setup makes it");
    case "not-a-folder":
      return words(`${failure.path} is not a folder`, onHost(`ls -ld ${shellWord(failure.path)}`));
    case "current-not-a-link":
      return words(
        `${failure.path} is a real file or folder and not a link to a release`,
        onHost(`mv ${shellWord(failure.path)} ${shellWord(`${failure.path}.before-zdr`)}`),
      );
    case "current-outside":
      return words(
        `${failure.path} points to ${failure.target}, which is no release of this project`,
        onHost(`ls -l ${shellWord(failure.path)}, and remove the link if nothing needs it`),
      );
    case "nothing-deployed":
      return words("nothing is deployed yet, so there is no release to run or to look at", "zdr deploy --tag v1");
    case "current-missing":
      return failure.runs === undefined
        ? words(
            `program "${failure.running}" runs already, and not from a release: there is no ${failure.path}`,
            onHost(
              `supervisorctl stop ${shellWord(failure.running)}, and deploy again: the first release is started anew`,
            ),
          )
        : words(
            `${failure.path} is gone, but program "${failure.running}" still runs ${failure.runs}`,
            onHost(`ln -s releases/${shellWord(failure.runs)} ${shellWord(failure.path)}`),
            "see which releases are there: zdr releases",
          );
    case "foreign-owner":
      if (failure.above !== undefined)
        return aboveWords(failure.path, failure.above, `belongs to uid ${failure.ownerUid}`);
      return words(
        `${failure.path} belongs to uid ${failure.ownerUid}, but the agent runs as uid ${failure.uid}`,
        onHost(`sudo chown -R ${failure.uid} ${shellWord(failure.path)}`),
        `if uid ${failure.ownerUid} is who deploys there, log in as that user: user@ in hosts: of deploy.yml`,
      );
    case "unsafe-mode":
      if (failure.above !== undefined)
        return aboveWords(failure.path, failure.above, `has mode ${octal(failure.mode)}`);
      return (failure.mode & WRITABLE_BY_OTHERS) !== 0
        ? words(
            `${failure.path} has mode ${octal(failure.mode)}, so others than its owner can change what is in it`,
            onHost(`chmod go-w ${shellWord(failure.path)}`),
          )
        : words(
            `${failure.path} has mode ${octal(failure.mode)}, so others than its owner can look into it`,
            onHost(`chmod go= ${shellWord(failure.path)}`),
          );
    case "not-permitted":
      return words(
        `user ${failure.user} may not ${failure.operation} ${failure.path}`,
        onHost(`ls -ld ${shellWord(failure.path)} ${shellWord(posix.dirname(failure.path))}`),
        "see what an administrator must put in order: zdr setup",
      );
    case "user-silent":
      return words(
        `id(1) did not say within ${formatMs(failure.timeoutMs)} who user ${failure.user} is`,
        onHost(`id ${shellWord(failure.user)}, and look after the directory (LDAP, sssd) that its users come from`),
      );
    case "disk-silent":
      return words(
        `the disk did not say within ${formatMs(failure.timeoutMs)} that it has kept what was sent, which is left in ${failure.path}`,
        onHost(
          "see whether it hangs or is slow: grep -E '^(Dirty|Writeback):' /proc/meminfo; the kernel says why: sudo dmesg | tail",
        ),
        "when it is well, run the command again: that removes what is left, and sends it anew",
      );
    case "io":
      return ioWords(failure);
    case "no-space":
      return noSpaceWords(failure);
    case "no-inodes":
      return words(
        failure.free === 0
          ? `the file system of ${failure.path} can hold no more files: it has no inode left`
          : `${failure.path} needs ${failure.need} inodes but has ${failure.free} free`,
        onHost(`df -i ${shellWord(failure.path)}`),
        KEEP_HINT,
      );
    case "locked":
      return lockedWords(failure);
    case "frozen":
      return words(describeFreeze(failure), "end that: zdr unlock      or deploy all the same: --ignore-freeze");
    case "ledger-damaged":
      return words(
        `line ${failure.line} of ${failure.path} cannot be read, so what became of the releases is not known`,
        onHost(`sed -n ${failure.line}p ${shellWord(failure.path)}`),
      );
    case "release-differs":
    case "release-missing":
    case "release-damaged":
    case "no-good-release":
    case "unsafe-path":
    case "file-corrupt":
    case "upload-cut":
    case "shared-conflict":
    case "shared-missing":
      return releaseWords(failure);
    case "hook-failed":
      return words(
        `the hook ${failure.when} failed: ${failure.command}: ${failure.detail}`,
        "what hooks are given, and when they run: docs/hooks.md",
      );
    case "supervisor-not-found":
    case "supervisor-config":
    case "supervisor-not-running":
    case "supervisor-not-permitted":
    case "supervisor-unauthorized":
    case "supervisor-silent":
    case "supervisor-shutting-down":
    case "supervisor-answer":
    case "supervisor-fault":
      return supervisorWords(failure);
    case "program-unknown":
    case "program-state-unknown":
    case "program-refused":
    case "signal-unsafe":
    case "preflight":
    case "proof-unavailable":
    case "start-failed":
    case "crashed":
    case "not-ready":
    case "not-reloaded":
    case "unhealthy":
    case "wrong-release":
    case "stop-timeout":
      return programWords(failure);
  }
}

function lockedWords({ by, since, why, pid, path, doubt, waitedMs }: Locked): Words {
  const after = waitedMs === undefined ? "" : ` after ${formatMs(waitedMs)} of waiting`;
  if (doubt === "unreadable") {
    return words(
      `${path} can not be read${after}, so it counts as held by somebody who may be at work`,
      onHost(`look whether one is: pgrep -af zdr; if none is: rm ${shellWord(path)}`),
    );
  }
  const run = by.run === undefined ? "" : `, ${by.run}`;
  return words(
    `another command holds the lock${after}: ${by.user}@${by.host} since ${formatInstant(since)} (${why}, pid ${pid}${run})`,
    ...(waitedMs === undefined ? ["wait for it: run the command again with --wait 5m"] : []),
    doubt === "elsewhere"
      ? onHost(
          `it belongs to another container, in which pid ${pid} can not be looked up; if that is gone: rm ${shellWord(path)}`,
        )
      : onHost(`see what it is: ps -fp ${pid}`),
  );
}

type Locked = Extract<AgentFailure, { reason: "locked" }>;

/** A folder on the way to deploy_to, and what of it lets somebody put another one in its place. */
function aboveWords(path: string, deployTo: string, problem: string): Words {
  return words(
    `${path} ${problem}, so others could put something else in the place of ${deployTo}`,
    onHost(
      `ls -ld ${shellWord(path)}: it must be root's or the deploying user's, and writable by nobody else (chmod go-w)`,
    ),
    'or choose a "deploy_to:" in deploy.yml that stands elsewhere',
  );
}

function ioWords({ operation, path, code }: Extract<AgentFailure, { reason: "io" }>): Words {
  const what = `cannot ${operation} ${path}`;
  switch (code) {
    case "EROFS":
      return words(
        `${what}: its file system is read-only (${code})`,
        onHost(`findmnt -T ${shellWord(posix.dirname(path))}; the kernel says why: sudo dmesg | tail`),
      );
    case "EFBIG":
      return words(
        `${what}: the file would be larger than files may be for this user (${code})`,
        onHost("see the limits that a login gets: ulimit -f, /etc/security/limits.conf, pam_limits"),
      );
    default:
      return words(`${what}: ${code}`, onHost(`ls -ld ${shellWord(path)}`));
  }
}

const WRITABLE_BY_OTHERS = 0o022;
const BUG_HINT = "this is a bug in zdr; please report it with these lines and the command that was run";
