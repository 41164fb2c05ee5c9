/** The webhooks of deploy.yml. */
import * as z from "zod/mini";
import { Secret } from "../../../agent/wire/secret.ts";
import { NOTICE_EVENTS, NOTICE_TEMPLATES } from "../notice.ts";
import { about, checkedBy, choice, variableToRead } from "./kinds.ts";
import { type Checked, complain } from "./rules/checked.ts";

export function notifySection() {
  const url = z.union([
    checkedBy(z.string(), webAddress),
    z.strictObject({
      env: about("Name of the environment variable that holds it.", checkedBy(z.string(), variableToRead)),
    }),
  ]);
  const webhook = z.strictObject({
    url: about(
      "Where it is posted to, or { env: NAME } to take that from the environment of zdr: it is a secret.",
      z.pipe(
        url,
        z.transform((value) => (typeof value === "string" ? new Secret(value) : value)),
      ),
    ),
    template: about(
      "The form of the JSON body: slack, teams or generic.",
      z.prefault(choice(NOTICE_TEMPLATES), "generic"),
    ),
    on: about(
      "What is told: started, kept, reverted, interrupted, stuck; all of them if left out.",
      z._default(z.array(choice(NOTICE_EVENTS)), [...NOTICE_EVENTS]),
    ),
  });
  return z._default(z.array(webhook), []);
}

function webAddress(text: string): Checked<string> {
  return URL.canParse(text) && /^https?:/.test(text) ? { ok: text } : complain("is no http or https URL");
}
