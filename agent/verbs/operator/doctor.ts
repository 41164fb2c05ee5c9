/**
 * `doctor`: what a deploy would come upon on this host. Changes nothing, takes no lock, and goes on where something is wrong:
 * what is wrong with one thing says nothing of the next.
 */
import { lstatSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { supervisorFacts } from "../../activation/account.ts";
import type { HostContext } from "../../context.ts";
import { AgentError } from "../../core/failure.ts";
import { type Layout, layoutOf } from "../../core/layout.ts";
import { errnoOf, ifThere, userName } from "../../io/files.ts";
import { refuseFrozen } from "../../io/freeze.ts";
import { freeSpace, MARGIN_BYTES, type Space } from "../../io/release/disk.ts";
import { checkLayout } from "../../io/trust.ts";
import { strangersOn } from "../../orphans/strangers.ts";
import type { AgentEvent, RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import { runSetup } from "../../setup.ts";
import type { Check, DoctorResult } from "../../wire/doctor.ts";
import { lintPrograms, refuseWithoutRights, reloadFindings } from "../parts/lints.ts";
import { openProject } from "../parts/open.ts";
import { type RunningProgram, runningReleases } from "../parts/running.ts";

/** Less than this share of a disk free is told. */
const FREE_SHARE = 0.1;
const FREE_INODES = 10_000;

type Look = () => Promise<readonly Check[]> | readonly Check[];

export async function runDoctor(
  session: Session,
  request: RequestOf<"doctor">,
  emit: (event: AgentEvent) => void,
): Promise<DoctorResult> {
  const { project, needBytes, prove, keeper } = request;
  const checks: Check[] = [];
  const look = async (about: string, at: Look) => void checks.push(...(await lookAt(about, at)));
  await look("login", login);
  await look("node", node);
  let context: HostContext | undefined;
  await look("supervisor", async () => {
    context = { ...openProject(session, project), emit: () => {} };
    return supervisord(context);
  });
  const { deployTo } = project;
  await look("disk", () => disk(deployTo, needBytes));
  await look("layout", () => layout(layoutOf(deployTo)));
  const isTrusted = checks.every(({ about, failure }) => about !== "layout" || failure === undefined);
  await look("lock", () => {
    // That `.zdr`, where it lies, is missing or not to be trusted is told already.
    if (!isTrusted) return [];
    refuseFrozen(layoutOf(deployTo), new Date());
    return [];
  });
  const isSupervised = checks.every(({ about, level }) => about !== "supervisor" || level === "ok");
  if (context !== undefined && isSupervised) {
    const known = context;
    emit({ event: "phase", phase: "programs", detail: "" });
    await look("setup", () => setup(known, { bundle: prove }, keeper));
    await look("programs", () => programs(known));
  }
  return { checks, nowMs: Date.now() };
}

async function lookAt(about: string, look: Look): Promise<readonly Check[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return [{ about, level: "refuse", text: "", failure: error.failure }];
  }
}

const ok = (about: string, text: string): Check => ({ about, level: "ok", text });

function login(): Check[] {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return [
    ok("login", `${userName()} (uid ${uid}, gid ${gid}) on ${hostname()}, home ${process.env.HOME ?? "unknown"}`),
  ];
}

function node(): Check[] {
  return [ok("node", `Node ${process.versions.node}, ${process.execPath}`)];
}

async function supervisord(context: HostContext): Promise<Check[]> {
  const { supervisor } = context;
  const [version, { pid, uid }, state] = await Promise.all([
    supervisor.getSupervisorVersion(),
    supervisorFacts(context),
    supervisor.getState(),
  ]);
  const facts = `supervisor ${version}, pid ${pid}, uid ${uid}, ${state.name}, at ${supervisor.address.url}`;
  if (Number.parseInt(version, 10) >= 4) return [ok("supervisor", facts)];
  const fix = "install supervisor 4 (pip install supervisor, or the distribution's package)";
  return [{ about: "supervisor", level: "refuse", text: `${facts}; zdr needs 4.0 or newer`, fix }];
}

/** Of the folder that is there: deploy_to itself, or what it would be made in. */
function disk(deployTo: string, needBytes: number): Check[] {
  const path = nearest(deployTo);
  const space = freeSpace(path);
  if (space === undefined) return [ok("disk", `${path}: this Node can not tell what is free (18.15 and newer can)`)];
  return [spaceCheck(path, space, needBytes), inodeCheck(path, space)];
}

function spaceCheck(path: string, { freeBytes, totalBytes }: Space, needBytes: number): Check {
  const need = needBytes === 0 ? "" : `, the build takes ${gigabytes(needBytes)}`;
  const text = `${path}: ${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} free${need}`;
  const fix = `make room: du -xh ${path} | sort -h | tail; fewer releases stay with a smaller keep: in deploy.yml`;
  if (freeBytes < needBytes + MARGIN_BYTES) return { about: "disk", level: "refuse", text, fix };
  return freeBytes < totalBytes * FREE_SHARE ? { about: "disk", level: "warn", text, fix } : ok("disk", text);
}

function inodeCheck(path: string, { freeInodes }: Space): Check {
  if (!Number.isFinite(freeInodes)) return ok("disk", `${path}: inodes are made as they are needed`);
  const text = `${path}: ${freeInodes} inodes free`;
  const fix = `find what has so many files: du -x --inodes ${path} | sort -n | tail`;
  return freeInodes < FREE_INODES ? { about: "disk", level: "warn", text, fix } : ok("disk", text);
}

function nearest(path: string): string {
  return ifThere("look at", path, () => statSync(path)) === undefined && path !== "/" ? nearest(dirname(path)) : path;
}

/** A release appears by a rename, and a slot is a hard link: neither goes from one file system to another. */
function layout(paths: Layout): Check[] {
  checkLayout(paths);
  const own = deviceOf(paths.zdr);
  const apart = [paths.releases, paths.manifests, paths.incoming, paths.run].filter((path) => {
    const device = deviceOf(path);
    return device !== undefined && device !== own;
  });
  const text = `${paths.deployTo} is this user's alone, all of it on one file system`;
  if (apart.length === 0) return [ok("layout", text)];
  return apart.map((path) => ({
    ...{ about: "layout", level: "refuse", text: `${path} stands on another file system than ${paths.zdr}` },
    fix: `a release appears by a rename, which can not cross: take the mount or the link at ${path} away`,
  }));
}

function deviceOf(path: string): number | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? statSync(path).dev : lstatSync(path).dev;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What `zdr setup` would still have to do, and what only an administrator could. */
async function setup(context: HostContext, prove: { readonly bundle: string }, keeper: string): Promise<Check[]> {
  const { done, administrator } = await runSetup(context, { dryRun: true, prove, keeper });
  const missing = done.flatMap((sentence) => (sentence.startsWith("would ") ? [sentence.slice("would ".length)] : []));
  if (missing.length + administrator.length === 0) return [ok("setup", "nothing is left to set up")];
  const text = `is left to do: ${missing.join("; ")}`;
  return [
    ...(missing.length === 0 ? [] : [{ about: "setup", level: "refuse", text, fix: "zdr setup" } as const]),
    ...administrator.map(({ why, commands }): Check => {
      const fix = `as an administrator: ${commands.join("; ") || "zdr setup prints what to put where"}`;
      return { about: "setup", level: "refuse", text: why, fix };
    }),
  ];
}

async function programs(context: HostContext): Promise<Check[]> {
  const facts = await supervisorFacts(context);
  const findings = await lintPrograms(context, facts);
  const checks: Check[] = [];
  for (const running of await runningReleases(context)) {
    const { program, processes, info } = running;
    // What could not be started beside a stranger has not tried to yet.
    const isIdle = info === undefined || info.statename === "STOPPED";
    const strangers = isIdle ? await strangersOn(context, program, info?.statename, facts.pid) : [];
    // What is not set up yet is told as that.
    const known =
      info === undefined
        ? []
        : [...(await reloadFindings(context, program, processes)), ...(findings.get(program.name) ?? [])];
    const found = [...strangers, ...known];
    for (const { level, text, fix } of found) checks.push({ about: program.name, level, text, fix });
    if (info === undefined) continue;
    const rights = await lookAt(program.name, async () => {
      await refuseWithoutRights({ ...context, project: { ...context.project, programs: [program] } });
      return found.length === 0 ? [ok(program.name, stateOf(running))] : [];
    });
    checks.push(...rights);
  }
  return checks;
}

function stateOf({ info, serves, isHidden }: RunningProgram): string {
  const state = info === undefined ? "not known to supervisor" : info.statename;
  const pid = info === undefined || info.pid === 0 ? "" : `, pid ${info.pid}`;
  const runs = serves === undefined ? "" : `, runs ${serves}`;
  return `${state}${pid}${runs}${isHidden ? ", its processes can not be looked into" : ""}; nothing speaks against it`;
}

function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
