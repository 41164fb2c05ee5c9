/** The hooks of deploy.yml: which commands run when. */
import * as z from "zod/mini";
import { HOOK_EVENTS, type HookEvent } from "../../../agent/wire/plan.ts";
import { about, checkedBy, choice, duration, notBlank, textAsWritten } from "./kinds.ts";
import { type Checked, complain } from "./rules/checked.ts";
import { splitCommand } from "./rules/command-words.ts";

const TIMEOUT = "10m";

export function hooksSection() {
  const name = choice(HOOK_EVENTS);
  return checkedBy(z.record(name, z.array(hook())), checkPlaces);
}

function hook() {
  const section = z.strictObject({
    run: about(
      "The command: a line or a list of words, which no shell reads. On a host bin/migrate stands in the release.",
      z.optional(checkedBy(z.union([z.string(), z.array(textAsWritten())]), words)),
    ),
    shell: about("Instead of run: a line that sh reads.", z.optional(checkedBy(z.string(), notBlank))),
    on: about(
      "hosts: on them, as who deploys; local: here, beside deploy.yml.",
      z.prefault(choice(["hosts", "local"]), "hosts"),
    ),
    once: about(
      "Whether it runs on the first host only: before anything comes of it on any other; after_keep when all have kept it.",
      z._default(z.boolean(), false),
    ),
    timeout: about("After how long it is ended, and counts as failed.", z.prefault(duration(1), TIMEOUT)),
    on_failure: about(
      "Of after_activate and before_keep: revert: its failure costs the release; warn: it is a warning.",
      z.prefault(choice(["revert", "warn"]), "revert"),
    ),
  });
  return checkedBy(section, (checked) => {
    const { run, shell, ...rest } = checked;
    if ((run === undefined) === (shell === undefined)) return complain("must have either run or shell");
    return { ok: { ...rest, argv: run ?? ["/bin/sh", "-c", shell ?? ""] } };
  });
}

export type HookConfig = z.output<ReturnType<typeof hook>>;

function words(input: string | string[]): Checked<string[]> {
  const split = typeof input === "string" ? splitCommand(input) : { ok: input };
  if ("problem" in split) return { ...split, suggestion: "shell: is for lines that a shell reads" };
  return split.ok.length === 0 || split.ok[0] === "" ? complain("is empty") : split;
}

/** Between the flip and the verdict an activation is the host's own, and goes on also where nobody listens. */
const NOT_HERE: ReadonlySet<HookEvent> = new Set(["after_activate", "before_keep", "before_revert"]);
const NOT_ONCE: ReadonlySet<HookEvent> = new Set(["after_activate", "before_keep", "before_revert", "after_revert"]);

type Hooks = Readonly<Partial<Record<HookEvent, readonly HookConfig[]>>>;

function checkPlaces(hooks: Hooks): Checked<Hooks> {
  for (const when of HOOK_EVENTS) {
    const list = hooks[when] ?? [];
    for (const [at, { on, once }] of list.entries()) {
      const wrong = (key: string, why: string) => ({ ...complain(why), at: [when, at, key] });
      if (on === "local" && NOT_HERE.has(when)) return wrong("on", "is not to be had there: then the host works alone");
      if (on === "local" && once) return wrong("once", "is for hosts: what runs here runs once");
      if (once && NOT_ONCE.has(when)) return wrong("once", "is not to be had there: then each host works alone");
    }
  }
  return { ok: hooks };
}
