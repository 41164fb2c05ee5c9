/** What state each host was left in, in one line: after a failure nobody must guess. */
import type { ActivationReport } from "../../../agent/wire/report.ts";

/** What a command left on one host. */
export type HostState =
  | { readonly kind: "serves"; readonly tag: string }
  /** `current`: what `current` names; absent: nothing was ever deployed. */
  | { readonly kind: "reverted"; readonly current?: string | undefined }
  /** The new release lies there, and nothing that serves was changed. */
  | { readonly kind: "staged"; readonly tag: string; readonly current?: string | undefined }
  /** The same when it was last heard; its link died before anything was asked of it. */
  | { readonly kind: "unheard"; readonly tag: string; readonly current?: string | undefined }
  /** The same, but supervisord has not said what runs: nothing was told to any program. */
  | { readonly kind: "unasked"; readonly tag: string; readonly current?: string | undefined }
  | { readonly kind: "untouched" }
  /** The same, but for what a dead agent had left half done: the survey ended that first, and `said` how. Absent: it was at it when it was last heard. */
  | { readonly kind: "recovered"; readonly said?: string | undefined }
  /** `serves`: in words of the agent, where it gave any. */
  | { readonly kind: "stuck"; readonly serves?: string | undefined }
  /** Its programs were started, stopped or reloaded, proved. */
  | { readonly kind: "controlled"; readonly action: string }
  /** A program was, and did not get where it should. */
  | { readonly kind: "halfway"; readonly action: string }
  /** The link broke while the agent worked: it finishes or reverts by itself. */
  | { readonly kind: "unknown"; readonly tag: string }
  /** The agent itself ended there: nobody is at work until the next command takes the lock. */
  | { readonly kind: "cut-short"; readonly tag: string };

export interface HostStateOf {
  readonly host: string;
  readonly state: HostState;
}

export function stateOf(report: ActivationReport): HostState {
  switch (report.outcome) {
    case "kept":
    case "unchanged":
      return { kind: "serves", tag: report.tag };
    case "reverted":
      return { kind: "reverted", current: report.previous };
    case "stuck":
      return { kind: "stuck", serves: report.serves };
  }
}

/** `web-2 serves v1.1 again (reverted, verified); web-1, web-4 serve v1.2; web-3 was not touched`; empty without hosts. */
export function stateLine(states: readonly HostStateOf[]): string {
  const groups = new Map<string, { hosts: string[]; state: HostState }>();
  for (const { host, state } of states) {
    const key = stateWords(state, true);
    const group = groups.get(key) ?? { hosts: [], state };
    group.hosts.push(host);
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((a, b) => URGENCY.indexOf(a.state.kind) - URGENCY.indexOf(b.state.kind))
    .map(({ hosts, state }) => `${hosts.join(", ")} ${stateWords(state, hosts.length > 1)}`)
    .join("; ");
}

/** What a person must look at comes first. */
const URGENCY: readonly HostState["kind"][] = [
  "stuck",
  "halfway",
  "cut-short",
  "unknown",
  "recovered",
  "reverted",
  "serves",
  "controlled",
  "unheard",
  "unasked",
  "staged",
  "untouched",
];

/** What a person must look at before anything else is done about a host. */
export const LOOK_FIRST: ReadonlySet<HostState["kind"]> = new Set(["stuck", "halfway", "cut-short", "unknown"]);

function stateWords(state: HostState, several: boolean): string {
  const serve = several ? "serve" : "serves";
  const were = several ? "were" : "was";
  switch (state.kind) {
    case "serves":
      return `${serve} ${state.tag}`;
    case "reverted":
      return state.current === undefined
        ? `${serve} nothing, as before (reverted, verified)`
        : `${serve} ${state.current} again (reverted, verified)`;
    case "staged":
      return `${several ? "hold" : "holds"} ${state.tag} and still ${serve} ${state.current ?? "nothing"}`;
    case "unheard":
      return `${several ? "hold" : "holds"} ${state.tag}, and served ${state.current ?? "nothing"} when last heard`;
    case "unasked":
      return `${several ? "hold" : "holds"} ${state.tag}, current is ${state.current ?? "nothing"} as before, and supervisord does not say what runs`;
    case "untouched":
      return `${were} not touched`;
    case "recovered":
      return state.said === undefined
        ? `${were} being brought out of what a dead agent had left there when last heard: zdr status --releases`
        : `${were} not touched, but for what a dead agent had left there: ${state.said}`;
    case "stuck":
      return state.serves === undefined
        ? `${several ? "are" : "is"} stuck: neither release could be proved`
        : `${several ? "are" : "is"} stuck: ${state.serves}`;
    case "controlled":
      return `${several ? "have" : "has"} done "${state.action}"`;
    case "halfway":
      return `${were} left in the middle of "${state.action}": zdr status`;
    case "unknown":
      return `${were} left to its agent, which keeps ${state.tag} or reverts by itself`;
    case "cut-short":
      return `${were} left in the middle of activating ${state.tag} by an agent that has ended: the next zdr deploy or zdr reload there keeps ${state.tag} or reverts`;
  }
}
