/** Tells webhooks. Whatever goes wrong is a warning, and never tells the URL: it is a secret. */

import { Secret } from "../../agent/wire/secret.ts";
import { type Notice, type NoticeEvent, type NoticeTemplate, noticeBody } from "../core/notice.ts";

export interface Webhook {
  readonly url: Secret | { readonly env: string };
  readonly template: NoticeTemplate;
  readonly on: readonly NoticeEvent[];
}

/** A deploy does not wait for a chat for longer. */
const TIMEOUT_MS = 5_000;

/** The warnings. */
export async function notify(
  webhooks: readonly Webhook[],
  notice: Notice,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const wanted = webhooks.filter(({ on }) => on.includes(notice.event));
  const troubles = await Promise.all(
    wanted.map(async ({ url, template }) => {
      const address = url instanceof Secret ? url.reveal() : (env[url.env] ?? "");
      const named = url instanceof Secret ? `${template} webhook` : `${template} webhook of ${url.env}`;
      const trouble = address === "" ? "no URL is set" : await post(address, noticeBody(template, notice));
      return trouble === undefined ? [] : [`the ${named} was not told "${notice.event}": ${trouble}`];
    }),
  );
  return troubles.flat();
}

async function post(url: string, body: object): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
      // A redirect would take the secret elsewhere.
      ...{ redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) },
    });
    await response.body?.cancel();
    return response.ok ? undefined : `it answered ${response.status}`;
  } catch (error) {
    return wordsOf(error);
  }
}

/** The message of a URL that is none holds the URL. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return "it failed";
  if (error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return "it could not be asked";
}
