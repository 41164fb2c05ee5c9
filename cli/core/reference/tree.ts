/** The command line as data: for completion, the reference and the man page. */

export interface FlagInfo {
  /** `-t`, where it has one. */
  readonly short?: string;
  /** `--tag` */
  readonly long: string;
  /** `<tag>`; absent: it takes no value. */
  readonly value?: string;
  /** May have several values behind each other. */
  readonly isMany: boolean;
  readonly help: string;
}

export interface ArgumentInfo {
  /** `program` of `[program...]`. */
  readonly name: string;
  readonly isMany: boolean;
  readonly isRequired: boolean;
  readonly help: string;
}

export interface VerbInfo {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentInfo[];
  readonly flags: readonly FlagInfo[];
  readonly examples: readonly string[];
  /** As the help prints them; empty for the common ones. */
  readonly exitCodes: string;
}

export interface ProgramTree {
  readonly description: string;
  readonly flags: readonly FlagInfo[];
  readonly verbs: readonly VerbInfo[];
  /** Those that verbs have that name none of their own. */
  readonly exitCodes: string;
}

/** `[program...]`, `<host>` */
export function argumentText({ name, isMany, isRequired }: ArgumentInfo): string {
  const inner = `${name}${isMany ? "..." : ""}`;
  return isRequired ? `<${inner}>` : `[${inner}]`;
}

/** `-t, --tag <tag>` */
export function flagText({ short, long, value }: FlagInfo): string {
  return `${short === undefined ? "" : `${short}, `}${long}${value === undefined ? "" : ` ${value}`}`;
}
