/** The webhooks of deploy.yml. */
import * as z from "zod";
import { Secret } from "../../../agent/wire/secret.ts";
import { NOTICE_EVENTS, NOTICE_TEMPLATES } from "../notice.ts";
import { checkedBy, choice, variableToRead } from "./kinds.ts";
import { type Checked, complain } from "./rules/checked.ts";

export function notifySection() {
  const url = z.union([
    checkedBy(z.string(), webAddress),
    z.strictObject({
      env: checkedBy(z.string(), variableToRead).describe("Name of the environment variable that holds it."),
    }),
  ]);
  const webhook = z.strictObject({
    url: url
      .transform((value) => (typeof value === "string" ? new Secret(value) : value))
      .describe("Where it is posted to, or { env: NAME } to take that from the environment of zdr: it is a secret."),
    template: choice(NOTICE_TEMPLATES)
      .prefault("generic")
      .describe("The form of the JSON body: slack, teams or generic."),
    on: z
      .array(choice(NOTICE_EVENTS))
      .default([...NOTICE_EVENTS])
      .describe("What is told: started, kept, reverted, stuck; all of them if left out."),
  });
  return z.array(webhook).default([]);
}

function webAddress(text: string): Checked<string> {
  return URL.canParse(text) && /^https?:/.test(text) ? { ok: text } : complain("is no http or https URL");
}
