/** What is told to a chat or a dashboard when a release gets somewhere. Pure: the body of a webhook's request. */
import type { Actor } from "../../agent/wire/plan.ts";
import { EXIT } from "./exit-code.ts";
import { type HostState, type HostStateOf, LOOK_FIRST, stateLine } from "./report/state-line.ts";

export const NOTICE_EVENTS = ["started", "kept", "reverted", "interrupted", "stuck"] as const;
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];
export const NOTICE_TEMPLATES = ["slack", "teams", "generic"] as const;
export type NoticeTemplate = (typeof NOTICE_TEMPLATES)[number];

export interface Notice {
  readonly event: NoticeEvent;
  readonly project: string;
  readonly tag: string;
  readonly why: "deploy" | "rollback";
  readonly by: Actor;
  readonly hosts: readonly HostStateOf[];
  /** Absent while it is under way. */
  readonly exit?: number;
}

/**
 * How a command that has begun to activate a release ended. What reverted none and kept none left all as it was. `exit`: of what
 * failed, which an interrupt does not: that shows by hosts that were not reached.
 */
export function endOf(exit: number, states: readonly HostState[]): NoticeEvent {
  if (exit === EXIT.stuck || states.some(({ kind }) => LOOK_FIRST.has(kind))) return "stuck";
  const serving = states.filter(({ kind }) => kind === "serves");
  if (serving.length === 0 || (exit !== EXIT.done && exit !== EXIT.lossy)) return "reverted";
  return serving.length === states.length ? "kept" : "interrupted";
}

/** The request's JSON body. */
export function noticeBody(template: NoticeTemplate, notice: Notice): object {
  const text = noticeText(notice);
  switch (template) {
    case "generic":
      return { ...notice, text };
    case "slack":
      // api.slack.com, "Formatting text": these three and no others.
      return { text: text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;") };
    case "teams":
      return { type: "message", attachments: [{ contentType: ADAPTIVE_CARD, content: cardOf(text) }] };
  }
}

const ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive";

function cardOf(text: string): object {
  const body = [{ type: "TextBlock", text, wrap: true }];
  return { $schema: "http://adaptivecards.io/schemas/adaptive-card.json", type: "AdaptiveCard", version: "1.4", body };
}

const WORDS: Record<NoticeEvent, string> = {
  started: "begins",
  kept: "serves",
  reverted: "was not kept",
  interrupted: "was interrupted",
  stuck: "needs a person",
};

/** `shop v1.2 serves: web1, web2 serve v1.2 (deploy by ann@laptop, https://…)` */
function noticeText({ event, project, tag, why, by, hosts, exit }: Notice): string {
  const where = event === "started" ? hosts.map(({ host }) => host).join(", ") : stateLine(hosts);
  const code = exit === undefined || exit === EXIT.done ? "" : `, exit ${exit}`;
  const run = by.run === undefined ? "" : `, ${by.run}`;
  return `${project} ${tag} ${WORDS[event]}: ${where} (${why} by ${by.user}@${by.host}${run}${code})`;
}
