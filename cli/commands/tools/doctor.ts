/** `zdr doctor`: this machine and each host, looked at and not touched; every finding with what mends it. */
import type { Check } from "../../../agent/wire/doctor.ts";
import { describeDoctor, type Examined, isIll } from "../../core/doctor/describe.ts";
import { clockCheck, loginCheck, noiseCheck, sessionsCheck } from "../../core/doctor/host.ts";
import { EXIT, type ExitCode } from "../../core/exit-code.ts";
import type { HostTarget, SshHost } from "../../core/plan.ts";
import { count } from "../../core/report/units.ts";
import { explain } from "../../explain.ts";
import { type Failure, ZdrError } from "../../failure.ts";
import { checkBuild, checkKeys } from "../../io/doctor.ts";
import { readKeeperBundle, readProveBundle } from "../../io/session/agent-bundle.ts";
import { openRoutes } from "../../io/session/connect.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Connection } from "../../io/session/transport.ts";
import type { Routes } from "../../io/ssh/routes.ts";
import type { Run } from "../../run.ts";
import { openBareFleet } from "../parts/bare-fleet.ts";
import { type HostOptions, loginOf, type Opened, openConfig } from "../parts/open.ts";
import { orInterrupted } from "../parts/outcome.ts";

export async function doctor(run: Run, options: HostOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const { config, targets } = opened;
  const build = await checkBuild(config);
  const isRemote = targets.some(({ kind }) => kind === "ssh");
  const surroundings = { home: run.home, agentSocket: run.env.SSH_AUTH_SOCK };
  const hosts = await orInterrupted(run, examineHosts(run, opened, build.bytes));
  const isLetIn = hosts.every(({ checks }) =>
    checks.every(({ about, level }) => about !== "connect" || level === "ok"),
  );
  const keys = isRemote ? await checkKeys(config, surroundings, isLetIn) : [];
  const here: Check[] = [{ about: "config", level: "ok", text: configWords(opened) }, build.check, ...keys];
  const examined: Examined[] = [{ where: "here", checks: here }, ...hosts];
  const exit = isIll(examined) ? EXIT.refused : EXIT.done;
  run.output.result(describeDoctor(examined), { examined }, exit);
  return exit;
}

function configWords({ config, targets }: Opened): string {
  const programs = Object.keys(config.programs).length;
  return `${config.file}: ${count(targets.length, "host")}, ${count(programs, "program")}`;
}

async function examineHosts(run: Run, opened: Opened, needBytes: number): Promise<Examined[]> {
  const { config, plan, targets } = opened;
  const login = loginOf(run);
  const routes = await openRoutes(login, config.ssh.config);
  const keys = new Map(
    await Promise.all(targets.map(async (target) => [target.name, await keysOf(routes, target)] as const)),
  );
  const connections = new Map<string, { readonly connection: Connection; readonly tookMs: number }>();
  run.output.report({ kind: "plan", verb: "doctor", hosts: targets.map(({ name }) => name), phases: ["survey"] });
  const fleet = openBareFleet(run, { targets, plan }, "doctor", (host, connection, tookMs) => {
    connections.set(host, { connection, tookMs });
  });
  try {
    const found = new Map<FleetHost, readonly Check[]>();
    const body = {
      needBytes,
      ...{ prove: readProveBundle(run.bundles), keeper: readKeeperBundle(run.bundles) },
    };
    await fleet.onAll("survey", async (host, session) => {
      const { checks, nowMs } = await session.request(
        "doctor",
        { ...body, project: opened.planFor(host) },
        fleet.onEvent(host),
      );
      const aheadMs = nowMs - Date.now();
      const way = connections.get(host.name);
      const isSsh = targets.some(({ name, kind }) => name === host.name && kind === "ssh");
      const onTheWay = way === undefined ? [] : [loginCheck(way.connection.name, way.tookMs)];
      const ofSsh = isSsh && way !== undefined ? [sessionsCheck(await letsInTwice(way.connection))] : [];
      const seen = [...onTheWay, ...ofSsh, noiseCheck(session.noise()), clockCheck(aheadMs)];
      found.set(host, [...seen, ...checks.map((check) => inWords(host.name, check))]);
      return undefined;
    });
    return fleet.hosts.map((host) => {
      const shown = keys.get(host.name) ?? [];
      // What is wrong with its key has been told.
      const isTold = shown.some(({ level }) => level === "refuse") && isOfHostKey(host.failure?.failure);
      const failed =
        host.failure === undefined || isTold ? [] : [failureCheck(host.name, "connect", host.failure.failure)];
      return { where: host.name, checks: [...shown, ...failed, ...(found.get(host) ?? [])] };
    });
  } finally {
    await fleet.close();
  }
}

const OF_HOST_KEY: ReadonlySet<string> = new Set([
  "host-key-unknown",
  "host-key-changed",
  "host-key-revoked",
  "host-key-authority",
]);

const isOfHostKey = (failure: Failure | undefined) => failure?.kind === "link" && OF_HOST_KEY.has(failure.link.kind);

/** Where trust in a host's keys comes from. What keeps it from being asked is told by the connection. */
async function keysOf(routes: Routes, target: HostTarget): Promise<Check[]> {
  if (target.kind !== "ssh") return [];
  if (target.transport === "openssh") return [{ about: "host key", level: "ok", text: "checked by ssh, strictly" }];
  try {
    return hostKeyChecks(await routes.showKeys(target), target);
  } catch (error) {
    if (error instanceof ZdrError) return [];
    throw error;
  }
}

function hostKeyChecks(shown: Awaited<ReturnType<Routes["showKeys"]>>, { name }: SshHost): Check[] {
  const trusted = shown.flatMap(({ keyType, fingerprint, trustedBy }): Check[] =>
    trustedBy === undefined
      ? []
      : [{ about: "host key", level: "ok", text: `${keyType} ${fingerprint}, by ${trustedBy}` }],
  );
  if (trusted.length > 0) return trusted;
  const first = shown.find(({ problem }) => problem !== undefined);
  return first?.problem === undefined
    ? []
    : [failureCheck(name, "host key", { kind: "link", host: name, link: first.problem })];
}

/** Whether sshd opens a second session on the connection (sshd_config(5), MaxSessions). */
async function letsInTwice(connection: Connection): Promise<boolean> {
  try {
    const channel = await connection.exec("exec true");
    channel.stdin.end();
    channel.stdout.resume();
    return (await channel.closed).code === 0;
  } catch (error) {
    if (error instanceof ZdrError) return false;
    throw error;
  }
}

function inWords(host: string, check: Check): Check {
  const { about, failure } = check;
  return failure === undefined ? check : failureCheck(host, about, { kind: "agent", host, failure });
}

function failureCheck(host: string, about: string, failure: Failure): Check {
  const { error, hints } = explain(failure);
  const text = error.map((line) => line.replace(`${host}: `, "")).join("; ");
  return { about, level: "refuse", text, fix: hints.join("; ") };
}
