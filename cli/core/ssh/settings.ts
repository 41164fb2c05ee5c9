/**
 * What an SSH configuration says of one host (ssh_config(5)): read from `ssh -G`, which is ssh's own answer, or from what
 * stands in for it where there is no ssh.
 */

/** Of what `ssh -G` prints, all that zdr goes by. Paths and commands have their tokens filled in. */
export interface HostSettings {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** Empty: the usual files. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Absent: SSH_AUTH_SOCK; `none`: no agent. */
  readonly identityAgent?: string;
  /** ProxyJump, the first hop first: `[user@]host[:port]` or `ssh://…`. */
  readonly jumps: readonly string[];
  /** A line for the shell, as ssh runs it. */
  readonly proxyCommand?: string;
  /** Empty: the usual files. */
  readonly knownHosts: readonly string[];
  /** The name that the host's key is known by, without a port. */
  readonly hostKeyAlias?: string;
  /** A file of keys that no host may show. */
  readonly revokedHostKeys?: string;
  /** CertificateFile, which may name files that are not there. Certificates are for ssh itself; see `transport: openssh`. */
  readonly certificateFiles: readonly string[];
}

/** Keyword, in lower case, and value. */
export type Setting = readonly [keyword: string, value: string];

/** What tokens stand for (ssh_config(5), TOKENS). */
export interface TokenSources {
  /** As it was asked for: %n. */
  readonly alias: string;
  readonly home: string;
  readonly localUser: string;
  readonly uid: number;
}

/** The lines of `ssh -G`. */
export function parseSettings(stdout: string): Setting[] {
  return stdout.split(/\r?\n/).flatMap((line): Setting[] => {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    return keyword === undefined || value === undefined ? [] : [[keyword.toLowerCase(), value]];
  });
}

export function settingsOf(settings: readonly Setting[], sources: TokenSources): HostSettings {
  const all = (keyword: string) => settings.filter(([name]) => name === keyword).map(([, value]) => value);
  /** The first one counts; `none` unsets. */
  const one = (keyword: string) => [all(keyword)[0]].find((value) => value !== undefined && value !== "none");
  const hostname = one("hostname") ?? sources.alias;
  const port = Number(one("port") ?? 22);
  const user = one("user") ?? sources.localUser;
  const hostKeyAlias = one("hostkeyalias");
  const expand = tokenExpander({ ...sources, hostname, port, user, key: hostKeyAlias ?? sources.alias });
  const files = (keyword: string) =>
    all(keyword)
      .flatMap((value) => value.split(/\s+/))
      .filter((path) => path !== "none" && path !== "")
      .map(expand);
  const agent = all("identityagent")[0];
  const proxyCommand = one("proxycommand");
  const revokedHostKeys = one("revokedhostkeys");
  const identityFiles = all("identityfile").filter((path) => path !== "none");
  return {
    ...{ hostname, port, user },
    ...(hostKeyAlias === undefined ? {} : { hostKeyAlias: hostKeyAlias.toLowerCase() }),
    identityFiles: isDefault(identityFiles) ? [] : identityFiles.map(expand),
    identitiesOnly: one("identitiesonly") === "yes",
    ...(agent === undefined || agent === "SSH_AUTH_SOCK" ? {} : { identityAgent: expand(agent) }),
    jumps:
      one("proxyjump")
        ?.split(",")
        .map((hop) => hop.trim()) ?? [],
    ...(proxyCommand === undefined ? {} : { proxyCommand: expand(proxyCommand.replace(/^exec /, "")) }),
    knownHosts: [...files("userknownhostsfile"), ...files("globalknownhostsfile")],
    ...(revokedHostKeys === undefined ? {} : { revokedHostKeys: expand(revokedHostKeys) }),
    certificateFiles: all("certificatefile")
      .filter((path) => path !== "none")
      .map(expand),
  };
}

/** `ssh -G` lists the usual files where none is set: there are many of them, and all have the usual names. */
function isDefault(paths: readonly string[]): boolean {
  return paths.length > 3 && paths.every((path) => /^~\/\.ssh\/id_(?:rsa|dsa|ecdsa|ed25519|xmss)(?:_sk)?$/.test(path));
}

interface TokenValues extends TokenSources {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly key: string;
}

/** A token that is not known stays as it is, and shows in whatever comes of it. */
function tokenExpander(values: TokenValues): (text: string) => string {
  const tokens: Readonly<Record<string, string>> = {
    ...{ "%": "%", d: values.home, h: values.hostname, i: String(values.uid), k: values.key, n: values.alias },
    ...{ p: String(values.port), r: values.user, u: values.localUser },
  };
  return (text) => {
    const path = text === "~" || text.startsWith("~/") ? values.home + text.slice(1) : text;
    return path.replace(/%(.)/g, (all, token: string) => tokens[token] ?? all);
  };
}

/** Keywords that change how zdr reaches a host, in lower case. */
const MATTERING = new Set([
  ...["hostname", "port", "user", "identityfile", "identitiesonly", "identityagent", "certificatefile"],
  ...["proxyjump", "proxycommand", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "revokedhostkeys"],
  ...["canonicalizehostname", "canonicaldomains", "canonicalizepermittedcnames", "match", "tag"],
]);

/** Whether a configuration file says anything that matters to us, and what its Include lines name. */
export function readKeywords(text: string): { readonly matters: boolean; readonly includes: readonly string[] } {
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const [, keyword, value = ""] = /^\s*([A-Za-z]\w*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    return keyword === undefined ? [] : [{ keyword: keyword.toLowerCase(), value }];
  });
  return {
    matters: lines.some(({ keyword }) => MATTERING.has(keyword)),
    includes: lines.flatMap(({ keyword, value }) => (keyword === "include" ? [value] : [])),
  };
}
