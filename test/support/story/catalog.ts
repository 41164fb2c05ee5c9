/**
 * The programs whose story is told, and what is known of each before it begins. One entry is all that a further sample
 * needs: its first start, reloads, bad releases, comparison and soak follow from it.
 */
import type { ConfigParts } from "../rig.ts";
import { presetOf, type SampleName } from "../samples.ts";
import { PRODUCTS } from "./products.ts";

/** The first three are found before the flip. `late-crash`: 2 s after it took over. */
export const BAD_RELEASES = ["missing", "not-executable", "garbage", "crash", "late-crash", "hang"] as const;
export type BadRelease = (typeof BAD_RELEASES)[number];

/** `gap`: the old process has gone by then. `accepted`: what the process that crashes had accepted, and nothing else. */
export type MayLose = "gap" | "accepted";

export interface StorySample {
  readonly sample: SampleName;
  /** What zdr says when the reload begins. */
  readonly asks: string;
  /** More of the program's keys in deploy.yml. */
  readonly program?: ConfigParts;
  /** A bad release that is not named here must cost no request. */
  readonly mayLose: Readonly<Partial<Record<BadRelease, MayLose>>>;
  /** Those that can be made of it; default: all. A server of the host's has no binary in the release to be spoilt. */
  readonly flaws?: readonly BadRelease[];
  /** A check of its own, by which `crash` is found before the flip. Only test/soak/products/checks.test.ts says it in deploy.yml. */
  readonly check?: string;
  /** Bad releases after which the library hears of no further reload until the program is restarted. */
  readonly deafAfter?: readonly BadRelease[];
  /** Its bad releases are those of a script in the release that starts the interpreter: what the sample is itself can not be spoilt. */
  readonly hasLauncher?: boolean;
  /** Its strategy promises no reload without a gap. */
  readonly hasGap?: boolean;
  /** It is told in a network of its own, with net.ipv4.tcp_migrate_req=1. */
  readonly migrates?: boolean;
  /** Deploys in a row, and requests that they must see at least. Default: 5, with 1,500 for each. */
  readonly deploys?: number;
  readonly requests?: number;
  /** Default: 700. Less where the server can do no more on a machine that has other work. */
  readonly requestsPerSecond?: number;
}

export const STORIES: readonly StorySample[] = [
  {
    ...{ sample: "go-overseer", asks: "shop: signal USR2", deploys: 10, requests: 20_000 },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
  {
    ...{ sample: "go-overseer-watch", asks: "shop: wait until it notices" },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
  { sample: "go-grace", asks: "shop: signal USR2", mayLose: { "late-crash": "gap" } },
  {
    ...{ sample: "go-endless", asks: "shop: signal HUP" },
    ...{ mayLose: { "late-crash": "gap" }, deafAfter: ["crash", "hang"] },
  },
  {
    ...{ sample: "go-gracehttp", asks: "shop: signal USR2" },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
  { sample: "go-tableflip", asks: "shop: signal HUP", mayLose: { "late-crash": "gap" } },
  { sample: "go-reuseport", asks: "shop: signal USR2", mayLose: { "late-crash": "gap" }, migrates: true },
  { sample: "go-graceful-url", asks: "shop: GET http", mayLose: { "late-crash": "gap" } },
  { sample: "go-listenfds", asks: "shop: start beside the old", mayLose: { "late-crash": "accepted" } },
  {
    ...{ sample: "node-listenfds", asks: "shop: start beside the old", hasLauncher: true },
    mayLose: { "late-crash": "accepted" },
  },
  {
    ...{ sample: "gunicorn", asks: "shop: signal HUP", hasLauncher: true, deploys: 10, requests: 20_000 },
    mayLose: { crash: "gap", hang: "gap", "late-crash": "gap" },
  },
];

const MEMBERS = { sample: "go-members", mayLose: { "late-crash": "accepted" } } as const;

/** What this part of CI does not run, and the tables show all the same. */
export const COMPARED: readonly StorySample[] = [
  ...STORIES,
  ...[PRODUCTS.uwsgi, PRODUCTS.unicorn, PRODUCTS.puma, PRODUCTS["server-starter"]],
  { ...MEMBERS, asks: "shop:shop_01: start" },
  { ...MEMBERS, asks: "shop:shop_00: stop", program: { reload: "rolling", members: 3 } },
  {
    ...{ sample: "go-plain", asks: "shop: stop", hasGap: true },
    mayLose: { crash: "gap", "late-crash": "gap", hang: "gap" },
  },
];

/** The preset that deploy.yml names for it. */
export function presetOfStory({ sample, program }: StorySample): string {
  return typeof program?.reload === "string" ? program.reload : presetOf(sample);
}

/** Under which its results stand: the sample's name, with the preset where that is not the sample's own. */
export function resultNameOf(entry: StorySample): string {
  const [own, preset] = [presetOf(entry.sample), presetOfStory(entry)];
  return preset === own ? entry.sample : `${entry.sample}-${preset}`;
}

/** By that name. */
export function storyOf(name: string): StorySample {
  const entry = COMPARED.find((one) => resultNameOf(one) === name);
  if (entry === undefined) throw new Error(`${name} is none of ${COMPARED.map(resultNameOf).join(", ")}`);
  return entry;
}
