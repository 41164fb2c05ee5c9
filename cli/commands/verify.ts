/** `zdr verify [TAG…] [--all]`: whether releases on the hosts are still what was published, file by file. */
import type { VerifiedRelease } from "../../agent/wire/verify.ts";
import { EXIT, type ExitCode } from "../core/exit-code.ts";
import { damageOf, describeVerified } from "../core/report/describe-verified.ts";
import { count } from "../core/report/units.ts";
import { explainAll } from "../explain.ts";
import type { Run } from "../run.ts";
import { type HostOptions, openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";

export interface VerifyOptions extends HostOptions {
  readonly all?: boolean;
}

export async function verify(run: Run, tags: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const body = { deployTo: opened.plan.deployTo, tags: [...tags], all: options.all === true };
  const fleet = openFleet(run, opened, "verify", ["verify"], () => ({ verb: "verify", body }));
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    const found = new Map<string, readonly VerifiedRelease[]>();
    await fleet.onAll("verify", async (host, session) => {
      const { releases } = await session.request("verify", body, fleet.onEvent(host));
      found.set(host.name, releases);
      const damaged = releases.filter((release) => damageOf(release) !== undefined).length;
      const words = count(releases.length, "release");
      return damaged === 0 ? words : { failed: `${damaged} of ${words} not as published` };
    });
    const hosts = fleet.hosts.flatMap(({ name }) => {
      const releases = found.get(name);
      return releases === undefined ? [] : [{ host: name, releases }];
    });
    const exit = tellDamage(run, hosts, concludeHosts(run, fleet.hosts, false));
    run.output.result(describeVerified(hosts), { hosts }, exit);
    return exit;
  } finally {
    undo();
    await fleet.close();
  }
}

type Verified = readonly { readonly host: string; readonly releases: readonly VerifiedRelease[] }[];

/** A host that could not be asked is told by its own exit code. */
function tellDamage(run: Run, hosts: Verified, exit: ExitCode): ExitCode {
  const failures = hosts.flatMap(({ host, releases }) =>
    releases.flatMap((release) => {
      const failure = damageOf(release);
      return failure === undefined ? [] : [{ phase: "plan", failure: { kind: "agent", host, failure } } as const];
    }),
  );
  if (failures.length === 0) return exit;
  const code = exit === EXIT.done ? EXIT.refused : exit;
  run.output.failure({ ...explainAll(failures), exit: code });
  return code;
}
