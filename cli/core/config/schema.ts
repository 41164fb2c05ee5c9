/**
 * deploy.yml, key by key: the one place that says what may stand there. The JSON Schema for editors and the reference are
 * made from it, so every key is described. Rules that take more than one place to see stand in checks.ts.
 *
 * It is built when it is first asked for: loading this file costs nothing but zod.
 */
import * as z from "zod";
import { PRESET_NAMES, RELOAD_SIGNALS, STRATEGY_NAMES } from "../../../agent/wire/plan.ts";
import { Secret } from "../../../agent/wire/secret.ts";
import { hooksSection } from "./hooks-schema.ts";
import { hostEntry, inventorySection, rolloutSection, sshSection } from "./host-schema.ts";
import {
  checkedBy,
  choice,
  command,
  duration,
  nodePath,
  notBlank,
  notEmpty,
  oneOrMany,
  textAsWritten,
  variableToRead,
  wholeNumber,
} from "./kinds.ts";
import { notifySection } from "./notify-schema.ts";
import { complain } from "./rules/checked.ts";
import { checkListen } from "./rules/listen.ts";
import {
  checkName,
  checkProcess,
  checkUser,
  checkVariableName,
  checkVariableValue,
  signalSuggestion,
} from "./rules/names.ts";
import { checkAbsolutePath, checkBuildPath, checkDeployTo, checkSharedPath } from "./rules/paths.ts";
import { checkReload } from "./rules/reload.ts";
import { checkHealthUrl, checkSupervisorUrl } from "./rules/urls.ts";

const HEALTH_TIMEOUT = "30s";
const REQUEST_TIMEOUT_MS = 5_000;
const WATCH = "10s";
const METER_RATE = 50;
const METER_RATE_LIMIT = 1000;
const KEEP = 5;
const START_SECONDS = 2;
const MEMBERS_LIMIT = 64;

let built: ReturnType<typeof buildSchema> | undefined;

/** The schema of a whole deploy.yml, as data that YAML was read into. */
export function configSchema(): ReturnType<typeof buildSchema> {
  built ??= buildSchema();
  return built;
}

/** deploy.yml as it is written, checked; keys are spelled as there, times are in milliseconds. */
export type FileConfig = z.output<ReturnType<typeof buildSchema>>;
export type HostConfig = FileConfig["hosts"][number][number];
export type ProgramConfig = FileConfig["programs"][string];

function buildSchema() {
  return z.strictObject({
    project: checkedBy(z.string(), checkName).describe("The project's name, in messages and in files on the hosts."),
    deploy_to: checkedBy(z.string(), checkDeployTo).describe(
      "The project's folder on every host, absolute; releases/, current and shared/ stand in it.",
    ),
    build: buildSection().describe("What is deployed."),
    hosts: z
      .array(hostEntry())
      .default([])
      .describe("The machines to deploy to; local is this one, without SSH. At least one, here or by inventory."),
    inventory: inventorySection().optional().describe("Hosts that another tool has the list of already."),
    rollout: rolloutSection().prefault({}).describe("How a release goes over many hosts."),
    hooks: hooksSection().prefault({}).describe("Commands that run when a release gets somewhere, by when they do."),
    notify: notifySection().describe("Webhooks that are told when a release gets somewhere."),
    programs: z
      .record(checkedBy(z.string(), checkName), program())
      .check(notEmpty("names no program"))
      .describe("The programs that supervisor runs from a release, by name."),
    shared: sharedSection().prefault({}).describe("What outlives releases; linked into each of them."),
    keep: wholeNumber(1, 1000).default(KEEP).describe("How many good releases stay on a host."),
    modes: choice(["normalize", "preserve"])
      .prefault("normalize")
      .describe(
        "normalize: a release is made readable by everybody and writable by its owner; preserve: modes stay as built.",
      ),
    allow_setuid: z
      .boolean()
      .default(false)
      .describe(
        "Whether files of a release keep their setuid and setgid bits; if not, modes: normalize takes them off, preserve refuses them.",
      ),
    proof: choice(["best", "required"])
      .prefault("best")
      .describe(
        "required: refuse to deploy where the processes of a program can not be looked into; best: make do with less.",
      ),
    supervisor: supervisorSection()
      .prefault({})
      .describe("Where supervisord answers on the hosts; found by itself if left out."),
    ssh: sshSection().prefault({}).describe("How hosts are reached; a host's own keys come first."),
    node: nodePath().optional().describe("Path of Node (18 or newer) on the hosts; searched for if left out."),
  });
}

function buildSection() {
  return z.strictObject({
    run: checkedBy(z.string(), notBlank)
      .optional()
      .describe("A shell command that makes the build, run beside deploy.yml before each deploy."),
    path: checkedBy(z.string(), checkBuildPath).describe(
      "The build: a folder, or a .tar, .tar.gz or .tgz; relative to deploy.yml.",
    ),
  });
}

function sharedSection() {
  const paths = () => z.array(checkedBy(z.string(), checkSharedPath)).default([]);
  return z.strictObject({
    dirs: paths().describe("Folders, relative to the release; made in shared/ where they are missing."),
    files: paths().describe("Files, relative to the release."),
  });
}

function supervisorSection() {
  const password = z.union([
    z.string(),
    z.strictObject({
      env: checkedBy(z.string(), variableToRead).describe("Name of the environment variable that holds it."),
    }),
  ]);
  return checkedBy(
    z.strictObject({
      url: checkedBy(z.string(), checkSupervisorUrl)
        .optional()
        .describe("unix:///path/of/socket or http://host:port, as seen from the host."),
      username: checkedBy(z.string(), notBlank).optional().describe("User name of supervisor's server."),
      password: password
        .transform((value) => (typeof value === "string" ? new Secret(value) : value))
        .optional()
        .describe("Its password, or { env: NAME } to take it from the environment of zdr."),
      config: checkedBy(z.string(), checkAbsolutePath)
        .optional()
        .describe("A supervisord.conf on the hosts to read instead of searching for one."),
    }),
    (section) => {
      if ((section.username === undefined) === (section.password === undefined)) return { ok: section };
      const missing = section.username === undefined ? "username" : "password";
      return { ...complain("is missing: supervisor asks for both or neither"), at: [missing] };
    },
  );
}

function program() {
  return z.strictObject({
    process: checkedBy(z.string(), checkProcess)
      .optional()
      .describe(
        "Supervisor's name of it, such as shop or group:shop; the key if left out. Of several processes, group:*.",
      ),
    command: command("command").describe(
      "How it is started: a line or a list of words. A relative first word stands under current/. {current}, {deploy_to}, {shared} and {run} are filled in.",
    ),
    roles: oneOrMany(checkedBy(z.string(), checkName)).describe(
      "Only hosts with one of these roles run it, one or a list; all hosts if left out.",
    ),
    reload: reload().describe("How it takes a new release: a preset's name, or its parts."),
    listen: listenAddresses().describe(
      "What is listened on for it and handed to it, one or a list: 127.0.0.1:8080, [::]:80, unix:/path/of.sock; by supervisord, at fd 0, for bluegreen and rolling.",
    ),
    members: wholeNumber(2, MEMBERS_LIMIT)
      .optional()
      .describe("How many processes supervisor has of it (numprocs), for bluegreen and rolling; 2 if left out."),
    health: health().optional().describe("How to tell that it serves; only its processes are looked at if left out."),
    check: command("check")
      .optional()
      .describe("The program's own check of a release, run before the flip; {release} is filled in."),
    user: checkedBy(z.string(), checkUser)
      .optional()
      .describe("The user that it runs as; supervisord's own if left out."),
    environment: z
      .record(checkedBy(z.string(), checkVariableName), checkedBy(textAsWritten(), checkVariableValue))
      .default({})
      .describe("Environment variables in its supervisor section."),
    autostart: z.boolean().default(true).describe("Whether supervisor starts it when supervisor itself starts."),
    start_seconds: wholeNumber(1, 3600)
      .default(START_SECONDS)
      .describe("Seconds that it must stay up to count as started (startsecs)."),
    stop_seconds: wholeNumber(1, 86_400)
      .optional()
      .describe("Seconds from TERM until supervisor kills it (stopwaitsecs); drain and 5 s if left out."),
    watch: duration(0).prefault(WATCH).describe("How long it is watched for a crash loop after it was proved."),
  });
}

function reload() {
  const parts = z.strictObject({
    preset: choice(PRESET_NAMES).optional().describe("The library that the program reloads by."),
    strategy: choice(STRATEGY_NAMES)
      .optional()
      .describe("Instead of a preset: what is done to make it take the new release."),
    signal: choice(RELOAD_SIGNALS, signalSuggestion)
      .optional()
      .describe("The signal that makes it reload, without SIG; of watch, where the binary is the same as before."),
    old_signal: choice(RELOAD_SIGNALS, signalSuggestion)
      .optional()
      .describe("The signal that ends the old process once the new one serves, where it does not go by itself."),
    url: checkedBy(z.string(), checkHealthUrl)
      .optional()
      .describe("The URL that makes it reload, asked once, such as http://127.0.0.1:8080/graceful."),
    drain: duration(0)
      .optional()
      .describe(
        "How long the old generation may take to finish its requests; what the preset says, else 30s, or 10s for restart.",
      ),
    past_drain: choice(["end", "leave"])
      .optional()
      .describe(
        "What becomes of an old process that has had that long: end or leave; end under the keeper, else leave, if left out.",
      ),
  });
  const name = z.string().meta({ enum: [...PRESET_NAMES] });
  return checkedBy(z.union([name, parts]), checkReload);
}

function listenAddresses() {
  const socket = z.strictObject({
    unix: z.string().describe("Path of a unix socket, instead of unix:/path."),
    mode: textAsWritten().optional().describe("Its mode, in octal: who may connect; 0660 if left out."),
  });
  return z
    .union([checkedBy(z.string(), checkListen), z.array(checkedBy(z.union([z.string(), socket]), checkListen))])
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .default([]);
}

function health() {
  const code = () => wholeNumber(100, 599);
  const section = z.strictObject({
    http: checkedBy(z.string(), checkHealthUrl).describe(
      "URL that is asked from the host itself, such as http://127.0.0.1:8080/healthz.",
    ),
    socket: checkedBy(z.string(), checkAbsolutePath)
      .optional()
      .describe("Path of the unix socket over which that URL is asked, whatever host it names."),
    timeout: duration(1).prefault(HEALTH_TIMEOUT).describe("How long the program may take until it is healthy."),
    request_timeout: duration(1)
      .optional()
      .describe("Longest wait for one answer; 5s if left out, or health.timeout where that is shorter."),
    status: oneOrMany(code()).describe("Status codes that count as healthy, one or a list; 200 to 399 if left out."),
    meter: wholeNumber(0, METER_RATE_LIMIT)
      .default(METER_RATE)
      .describe("Requests per second sent and counted while the program reloads; 0 for none."),
  });
  return checkedBy(section, (checked) => {
    const { timeout, request_timeout = Math.min(REQUEST_TIMEOUT_MS, timeout) } = checked;
    return request_timeout <= timeout
      ? { ok: { ...checked, request_timeout } }
      : { ...complain("is longer than health.timeout"), at: ["request_timeout"] };
  });
}
