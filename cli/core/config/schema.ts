/**
 * deploy.yml, key by key: the one place that says what may stand there. The JSON Schema for editors and the reference are
 * made from it, so every key is described. Rules that take more than one place to see stand in checks.ts.
 *
 * It is built when it is first asked for: loading this file costs nothing but zod.
 */
import * as z from "zod/mini";
import { HOOK_EVENTS, PRESET_NAMES, RELOAD_SIGNALS, STRATEGY_NAMES } from "../../../agent/wire/plan.ts";
import { Secret } from "../../../agent/wire/secret.ts";
import { hooksSection } from "./hooks-schema.ts";
import { hostEntry, inventorySection, rolloutSection, sshSection } from "./host-schema.ts";
import {
  about,
  checkedBy,
  choice,
  command,
  duration,
  nodePath,
  notBlank,
  notEmpty,
  oneOf,
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
    project: about("The project's name, in messages and in files on the hosts.", checkedBy(z.string(), checkName)),
    deploy_to: about(
      "The project's folder on every host, absolute; releases/, current and shared/ stand in it.",
      checkedBy(z.string(), checkDeployTo),
    ),
    build: about("What is deployed.", buildSection()),
    hosts: about(
      "The machines to deploy to; local is this one, without SSH. At least one, here or by inventory.",
      z._default(z.array(hostEntry()), []),
    ),
    inventory: about("Hosts that another tool has the list of already.", z.optional(inventorySection())),
    rollout: about("How a release goes over many hosts.", z.prefault(rolloutSection(), {})),
    hooks: about(
      `Commands that run when a release gets somewhere, by when they do: ${HOOK_EVENTS.join(", ")}.`,
      z.prefault(hooksSection(), {}),
    ),
    notify: about("Webhooks that are told when a release gets somewhere.", notifySection()),
    programs: about(
      "The programs that supervisor runs from a release, by name.",
      z.record(checkedBy(z.string(), checkName), program()).check(notEmpty("names no program")),
    ),
    shared: about("What outlives releases; linked into each of them.", z.prefault(sharedSection(), {})),
    keep: about("How many good releases stay on a host.", z._default(wholeNumber(1, 1000), KEEP)),
    modes: about(
      "normalize: a release is made readable by everybody and writable by its owner; preserve: modes stay as built.",
      z.prefault(choice(["normalize", "preserve"]), "normalize"),
    ),
    allow_setuid: about(
      "Whether files of a release keep their setuid and setgid bits; if not, modes: normalize takes them off, preserve refuses them.",
      z._default(z.boolean(), false),
    ),
    proof: about(
      "required: refuse to deploy where the processes of a program can not be looked into; best: make do with less.",
      z.prefault(choice(["best", "required"]), "best"),
    ),
    supervisor: about(
      "Where supervisord answers on the hosts; found by itself if left out.",
      z.prefault(supervisorSection(), {}),
    ),
    ssh: about("How hosts are reached; a host's own keys come first.", z.prefault(sshSection(), {})),
    node: about("Path of Node (18 or newer) on the hosts; searched for if left out.", z.optional(nodePath())),
  });
}

function buildSection() {
  return z.strictObject({
    run: about(
      "A shell command that makes the build, run beside deploy.yml before each deploy; ZDR_TAG is the release's tag.",
      z.optional(checkedBy(z.string(), notBlank)),
    ),
    path: about(
      "The build: a folder, or a .tar, .tar.gz or .tgz; relative to deploy.yml.",
      checkedBy(z.string(), checkBuildPath),
    ),
  });
}

function sharedSection() {
  const paths = () => z._default(z.array(checkedBy(z.string(), checkSharedPath)), []);
  return z.strictObject({
    dirs: about("Folders, relative to the release; made in shared/ where they are missing.", paths()),
    files: about("Files, relative to the release.", paths()),
  });
}

function supervisorSection() {
  const password = z.union([
    z.string(),
    z.strictObject({
      env: about("Name of the environment variable that holds it.", checkedBy(z.string(), variableToRead)),
    }),
  ]);
  return checkedBy(
    z.strictObject({
      url: about(
        "unix:///path/of/socket or http://host:port, as seen from the host.",
        z.optional(checkedBy(z.string(), checkSupervisorUrl)),
      ),
      username: about("User name of supervisor's server.", z.optional(checkedBy(z.string(), notBlank))),
      password: about(
        "Its password, or { env: NAME } to take it from the environment of zdr.",
        z.optional(
          z.pipe(
            password,
            z.transform((value) => (typeof value === "string" ? new Secret(value) : value)),
          ),
        ),
      ),
      config: about(
        "A supervisord.conf on the hosts to read instead of searching for one.",
        z.optional(checkedBy(z.string(), checkAbsolutePath)),
      ),
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
    process: about(
      "Supervisor's name of it, such as shop or group:shop; the key if left out. Of several processes, group:*.",
      z.optional(checkedBy(z.string(), checkProcess)),
    ),
    command: about(
      "How it is started: a line or a list of words. A relative first word stands under current/. {current}, {deploy_to}, {shared} and {run} are filled in.",
      command("command"),
    ),
    roles: about(
      "Only hosts with one of these roles run it, one or a list; all hosts if left out.",
      oneOrMany(checkedBy(z.string(), checkName)),
    ),
    reload: about("How it takes a new release: a preset's name, or its parts.", reload()),
    listen: about(
      "What is listened on for it and handed to it, one or a list: 127.0.0.1:8080, [::]:80, unix:/path/of.sock; by supervisord, at fd 0, for bluegreen and rolling.",
      listenAddresses(),
    ),
    members: about(
      "How many processes supervisor has of it (numprocs), for bluegreen and rolling; 2 if left out.",
      z.optional(wholeNumber(2, MEMBERS_LIMIT)),
    ),
    health: about("How to tell that it serves; only its processes are looked at if left out.", z.optional(health())),
    check: about(
      "The program's own check of a release, run on each host before hooks of the activation and before any host is flipped, for 20 s at most; in place of its interpreter's look at the script. {release} is filled in.",
      z.optional(command("check")),
    ),
    user: about(
      "The user that it runs as; supervisord's own if left out.",
      z.optional(checkedBy(z.string(), checkUser)),
    ),
    environment: about(
      "Environment variables in its supervisor section.",
      z._default(
        z.record(checkedBy(z.string(), checkVariableName), checkedBy(textAsWritten(), checkVariableValue)),
        {},
      ),
    ),
    autostart: about("Whether supervisor starts it when supervisor itself starts.", z._default(z.boolean(), true)),
    start_seconds: about(
      "Seconds that it must stay up to count as started (startsecs).",
      z._default(wholeNumber(1, 3600), START_SECONDS),
    ),
    stop_seconds: about(
      "Seconds from TERM until supervisor kills it (stopwaitsecs); drain and 5 s if left out.",
      z.optional(wholeNumber(1, 86_400)),
    ),
    watch: about("How long it is watched for a crash loop after it was proved.", z.prefault(duration(0), WATCH)),
  });
}

function reload() {
  const parts = z.strictObject({
    preset: about("The library that the program reloads by.", z.optional(choice(PRESET_NAMES))),
    strategy: about(
      "Instead of a preset: what is done to make it take the new release.",
      z.optional(choice(STRATEGY_NAMES)),
    ),
    signal: about(
      "The signal that makes it reload, without SIG; of watch, where the binary is the same as before.",
      z.optional(choice(RELOAD_SIGNALS, signalSuggestion)),
    ),
    old_signal: about(
      "The signal that ends the old process once the new one serves, where it does not go by itself.",
      z.optional(choice(RELOAD_SIGNALS, signalSuggestion)),
    ),
    url: about(
      "The URL that makes it reload, asked once, such as http://127.0.0.1:8080/graceful.",
      z.optional(checkedBy(z.string(), checkHealthUrl)),
    ),
    drain: about(
      "How long the old generation may take to finish its requests; what the preset says, else 30s, or 10s for restart.",
      z.optional(duration(0)),
    ),
    past_drain: about(
      "What becomes of an old process that has had that long: end or leave; end under the keeper, else leave, if left out.",
      z.optional(choice(["end", "leave"])),
    ),
  });
  const name = oneOf(PRESET_NAMES);
  return checkedBy(z.union([name, parts]), checkReload);
}

function listenAddresses() {
  const socket = z.strictObject({
    unix: about("Path of a unix socket, instead of unix:/path.", z.string()),
    mode: about("Its mode, in octal: who may connect; 0660 if left out.", z.optional(textAsWritten())),
  });
  return z._default(
    z.pipe(
      z.union([checkedBy(z.string(), checkListen), z.array(checkedBy(z.union([z.string(), socket]), checkListen))]),
      z.transform((value) => (Array.isArray(value) ? value : [value])),
    ),
    [],
  );
}

function health() {
  const code = () => wholeNumber(100, 599);
  const section = z.strictObject({
    http: about(
      "URL that is asked from the host itself, such as http://127.0.0.1:8080/healthz.",
      checkedBy(z.string(), checkHealthUrl),
    ),
    socket: about(
      "Path of the unix socket over which that URL is asked, whatever host it names.",
      z.optional(checkedBy(z.string(), checkAbsolutePath)),
    ),
    timeout: about("How long the program may take until it is healthy.", z.prefault(duration(1), HEALTH_TIMEOUT)),
    request_timeout: about(
      "Longest wait for one answer; 5s if left out, or health.timeout where that is shorter.",
      z.optional(duration(1)),
    ),
    status: about("Status codes that count as healthy, one or a list; 200 to 399 if left out.", oneOrMany(code())),
    meter: about(
      "Requests per second sent and counted while the program reloads; 0 for none.",
      z._default(wholeNumber(0, METER_RATE_LIMIT), METER_RATE),
    ),
  });
  return checkedBy(section, (checked) => {
    const { timeout, request_timeout = Math.min(REQUEST_TIMEOUT_MS, timeout) } = checked;
    return request_timeout <= timeout
      ? { ok: { ...checked, request_timeout } }
      : { ...complain("is longer than health.timeout"), at: ["request_timeout"] };
  });
}
