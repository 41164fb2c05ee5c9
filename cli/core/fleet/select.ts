/** Which hosts a command is for: all of deploy.yml's, or those that its flags choose. */
import { ZdrError } from "../../failure.ts";
import { didYouMean } from "../closest.ts";
import { expandRanges } from "../config/rules/host-range.ts";
import { matchesWildcards } from "./wildcards.ts";

/** Each list may be empty; values may hold several, with commas between them. */
export interface HostChoice {
  /** Names or addresses, with ranges (`web[01:03]`) or wildcards (`web*`). */
  readonly host?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  /** `name=value`, or a name alone. */
  readonly label?: readonly string[] | undefined;
  /** As `host`, or a role: these are left out. */
  readonly except?: readonly string[] | undefined;
}

export interface Choosable {
  readonly name: string;
  readonly address?: string;
  readonly roles: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The chosen hosts, in the order of the file. Flags of one kind add up, those of different kinds must all fit.
 *
 * @throws ZdrError `usage` for a word that chooses nothing, and where nothing is left.
 */
export function chooseHosts<Host extends Choosable>(hosts: readonly Host[], choice: HostChoice): Host[] {
  const byName = named("host", wordsOf(choice.host), hosts, namesOf);
  const byRole = named("role", wordsOf(choice.role), hosts, ({ roles }) => roles);
  const byLabel = named("label", wordsOf(choice.label), hosts, labelsOf);
  const without = named("host or role", wordsOf(choice.except), hosts, (host) => [...namesOf(host), ...host.roles]);
  const chosen = hosts.filter(
    (host) => [byName, byRole, byLabel].every((fits) => fits === undefined || fits(host)) && !without?.(host),
  );
  if (chosen.length > 0) return chosen;
  throw new ZdrError({
    kind: "usage",
    problem: "no host is left by the flags that choose hosts",
    hint: `hosts: ${hosts.map(({ name }) => name).join(", ")}`,
  });
}

const wordsOf = (values: readonly string[] = []) =>
  values.flatMap((value) => value.split(",")).filter((word) => word !== "");

const namesOf = ({ name, address }: Choosable) => (address === undefined ? [name] : [name, address]);

/** A label is known by its name, and by its name and value. */
const labelsOf = ({ labels }: Choosable) =>
  Object.entries(labels).flatMap(([name, value]) => [name, `${name}=${value}`]);

/** A test for the words; undefined where there are none. Every word must fit some host. */
function named<Host extends Choosable>(
  what: string,
  words: readonly string[],
  hosts: readonly Host[],
  wordsOfHost: (host: Host) => readonly string[],
): ((host: Host) => boolean) | undefined {
  if (words.length === 0) return undefined;
  const known = [...new Set(hosts.flatMap(wordsOfHost))];
  const patterns = words.flatMap((word) => {
    const expanded = expandRanges(word);
    if ("problem" in expanded) throw new ZdrError({ kind: "usage", problem: `"${word}" ${expanded.problem}` });
    return expanded.ok.map((one) => {
      const fits = (name: string) => matchesWildcards(name, one);
      if (known.some(fits)) return fits;
      const hint =
        didYouMean(one, known) ?? (known.length === 0 ? `the config has none` : `there are: ${known.join(", ")}`);
      throw new ZdrError({ kind: "usage", problem: `the config has no ${what} named "${one}"`, hint });
    });
  });
  return (host) => wordsOfHost(host).some((name) => patterns.some((fits) => fits(name)));
}
