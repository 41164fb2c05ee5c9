/** What every verb that talks to hosts begins with: the config, the hosts it names, a session with each. */
import type { ProjectPlan } from "../../../agent/wire/plan.ts";
import type { Secret } from "../../../agent/wire/secret.ts";
import type { Config } from "../../core/config.ts";
import type { HostChoice } from "../../core/fleet/select.ts";
import { type HostTarget, projectPlan, selectHosts } from "../../core/plan.ts";
import type { HostPhase } from "../../core/report/progress.ts";
import type { GivenFlags } from "../../failure.ts";
import { type ConfigSearch, readConfigFile } from "../../io/config-file.ts";
import { agentPathOn, readAgentBundle } from "../../io/session/agent-bundle.ts";
import type { EarlyRequest } from "../../io/session/agent-session.ts";
import { connector } from "../../io/session/connect.ts";
import { Fleet } from "../../io/session/fleet.ts";
import { askPassphrase } from "../../io/ssh/ask-passphrase.ts";
import type { Run } from "../../run.ts";

/** Flags that every such verb has. */
export interface HostOptions extends HostChoice {
  readonly config?: string;
  /** Of `deploy.<environment>.yml`, which is merged over the config. */
  readonly environment?: string;
}

export interface Opened {
  readonly config: Config;
  /** With all programs. */
  readonly plan: ProjectPlan;
  /** With those that this host runs. */
  planFor(host: { readonly name: string }): ProjectPlan;
  readonly targets: readonly HostTarget[];
  /** The flags that it was opened by. */
  readonly given: GivenFlags;
}

export function openConfig(
  run: Run,
  options: HostOptions,
  needs: Pick<ConfigSearch, "needsBuild" | "mayLackKnownHosts"> = {},
): Opened {
  const config = readConfigFile({
    ...{ ...needs, cwd: run.cwd, env: run.env },
    ...(options.config === undefined ? {} : { path: options.config }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  });
  run.output.report({ kind: "config", ...config.places });
  const targets = selectHosts(config, options);
  const { host, role, label, except } = options;
  return {
    config,
    plan: projectPlan(config),
    planFor: ({ name }) => projectPlan(config, name),
    targets,
    given: { config: options.config, environment: options.environment, host, role, label, except },
  };
}

/** Starts the way to every host at once; what becomes of it shows in the first step. */
export function openFleet(
  run: Run,
  opened: Opened,
  verb: string,
  phases: readonly HostPhase[],
  early?: (host: HostTarget) => EarlyRequest | undefined,
): Fleet<HostTarget> {
  tellSteps(run, opened, verb, phases);
  return connectFleet(run, opened, verb, early);
}

/** For those who have something else to print before their steps. */
export function tellSteps(run: Run, { targets }: Opened, verb: string, phases: readonly HostPhase[]): void {
  run.output.report({ kind: "plan", verb, hosts: targets.map((target) => target.name), phases });
}

export function connectFleet(
  run: Run,
  { targets, plan }: Opened,
  verb: string,
  early?: (host: HostTarget) => EarlyRequest | undefined,
): Fleet<HostTarget> {
  const agent = readAgentBundle(run.bundles);
  return new Fleet({
    ...{ targets, agent, agentPath: agentPathOn(plan.deployTo, agent.sha256), use: verb.replace(" ", "") },
    early,
    connect: connector(loginOf(run)),
    report: (event) => run.output.report(event),
    onLeave: run.interrupt.onLeave,
  });
}

/** How this run gets into hosts. */
export function loginOf(run: Run) {
  return {
    ...{ user: run.user, home: run.home, agentSocket: run.env.SSH_AUTH_SOCK },
    onWarning: (text: string) => run.output.report({ kind: "warning", text }),
    askPassphrase: run.canAsk ? (path: string) => run.output.pause(() => askUnlessInterrupted(run, path)) : undefined,
  };
}

/** Whoever pressed Ctrl-C at one question is not asked the next one, for another key. */
async function askUnlessInterrupted({ interrupt }: Run, path: string): Promise<Secret | undefined> {
  if (interrupt.signal !== undefined) return undefined;
  return askPassphrase(path, () => interrupt.raise("SIGINT"));
}
