/** Paths in deploy.yml, on the hosts and here. Nothing is looked up: these are the rules that need no disk. */
import { posix } from "node:path";
import { type Checked, complain } from "./checked.ts";

/** Deploying into one of these would put `releases`, `current` and `shared` among an operating system's own folders. */
const SYSTEM_FOLDERS = new Set(
  `/bin /boot /dev /dev/shm /etc /home /lib /lib32 /lib64 /libx32 /media /mnt /opt /proc /root /run /sbin /snap /srv /sys
  /tmp /usr /usr/local /var /var/backups /var/cache /var/lib /var/local /var/lock /var/log /var/mail /var/opt /var/run
  /var/spool /var/tmp`.split(/\s+/),
);
/** Nothing at all under these is a place for a project. */
const SYSTEM_TREES =
  /^\/(?:bin|boot|dev(?!\/shm\/)|etc|lib|lib32|lib64|libx32|proc|sbin|sys|usr(?!\/local\/)|usr\/local\/(?:bin|etc|lib|sbin))\//;
/** It stands in supervisor's sections, in sudoers lines and in commands for people to copy. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9._@+,=~-]+)+$/;
/** As the lock files and the keeper's socket must still fit behind it. */
const LONGEST_DEPLOY_TO = 200;

/** deploy_to; a final slash is dropped. */
export function checkDeployTo(text: string): Checked<string> {
  if (text === "") return complain("is empty");
  if (text.startsWith("~")) return complain("begins with ~, which is not expanded", "write the whole path");
  if (!text.startsWith("/")) return complain("is not absolute", `did you mean "/${text.replace(/^(?:\.?\/)+/, "")}"?`);
  const path = text.length > 1 ? text.replace(/\/$/, "") : text;
  const normal = posix.normalize(path).replace(/(.)\/$/, "$1");
  if (path === "/" || normal === "/") return complain("is the root folder", "name a folder of the project's own");
  if (path !== normal) return complain("is written in a roundabout way", `did you mean "${normal}"?`);
  if (SYSTEM_FOLDERS.has(path))
    return complain("is a folder of the system", `name one below it, such as "${path}/shop"`);
  if (SYSTEM_TREES.test(path)) return complain("is inside a folder of the system", 'name another, such as "/srv/shop"');
  if (!PLAIN_PATH.test(path)) {
    return complain(
      "holds a character that supervisor or a shell would act on; letters, digits and . _ @ + , = ~ - are allowed",
    );
  }
  if (path.length > LONGEST_DEPLOY_TO) return complain(`is longer than ${LONGEST_DEPLOY_TO} characters`);
  return { ok: path };
}

/** A path on the hosts that zdr does not make: Node, a supervisord.conf. */
export function checkAbsolutePath(text: string): Checked<string> {
  if (text === "") return complain("is empty");
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return complain("holds a control character");
  return text.startsWith("/")
    ? { ok: text }
    : complain("is not absolute: it is looked for on the hosts", "write the whole path");
}

/** A path here, relative to the config's folder; `~/` is the home of whoever runs zdr. */
export function checkLocalPath(text: string): Checked<string> {
  if (text.trim() === "") return complain("is empty");
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return complain("holds a control character");
  if (/^~[^/]/.test(text)) return complain("names another user's home, which is not looked up", "write the whole path");
  return { ok: text };
}

const OTHER_ARCHIVE = /\.(?:zip|7z|rar|jar|war|deb|rpm|t?bz2?|tar\.bz2|t?xz|tar\.xz|tzst|tar\.zst|zst|gz)$/i;
const ARCHIVE = /\.(?:tar|tar\.gz|tgz)$/i;

/** A folder, or an archive that can be read. */
export function checkBuildPath(text: string): Checked<string> {
  if (OTHER_ARCHIVE.test(text) && !ARCHIVE.test(text)) {
    return complain("is no folder, .tar, .tar.gz or .tgz", "let build.run unpack it into a folder");
  }
  return checkLocalPath(text);
}

/** First parts of a shared path that would hide zdr's own names in the release. */
const OWN_NAMES = new Set([".zdr", "releases", "current"]);

/** A path under shared/ and in each release; a final slash is dropped. */
export function checkSharedPath(text: string): Checked<string> {
  if (text === "") return complain("is empty");
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return complain("holds a control character");
  if (text.startsWith("~")) return complain("begins with ~, which is not expanded", "name it relative to the release");
  if (text.startsWith("/")) {
    const relative = text.replace(/^\/+|\/+$/g, "");
    return complain(
      "is absolute: it is named relative to the release",
      relative === "" ? undefined : `did you mean "${relative}"?`,
    );
  }
  const path = text.replace(/\/+$/, "");
  if (path.split("/").includes("..")) return complain('holds "..", which leads out of the release');
  const normal = posix.normalize(path);
  if (normal === ".") return complain("is the release itself");
  if (path !== normal) return complain("is written in a roundabout way", `did you mean "${normal}"?`);
  const [first = ""] = path.split("/");
  if (OWN_NAMES.has(first)) return complain(`begins with "${first}", a name that zdr uses itself`);
  return { ok: path };
}
