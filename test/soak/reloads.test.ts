/** The claim of the e2e tests, two hundred times as often, for each program of the catalog; writes test/results/soak/. */
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { forEachStory } from "../support/story/each.ts";
import { soak } from "../support/story/soak.ts";

/** Of each program; SOAK_RELOADS asks for another number. */
const RELOADS = Number(process.env.SOAK_RELOADS ?? 1_000);
const SECONDS_A_RELOAD = 60;

forEachStory(
  fileURLToPath(import.meta.url),
  (entry) =>
    test(`${entry.sample}: no request fails in ${RELOADS} reloads, and supervisor's pid stays`, (t) =>
      soak(t, entry, RELOADS, (text) => t.diagnostic(text))),
  { timeoutMs: RELOADS * SECONDS_A_RELOAD * 1000 },
);
