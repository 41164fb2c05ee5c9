/** `zdr releases`: what is there, what became of each, which one is current and which one really runs. */
import type { Survey } from "../../agent/protocol.ts";
import type { ReleaseInfo } from "../../agent/wire/release.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { describeReleases } from "../core/report/describe.ts";
import type { Run } from "../run.ts";
import { type HostOptions, openConfig, openFleet } from "./parts/open.ts";
import { closeRead, concludeHosts, orInterrupted } from "./parts/outcome.ts";
import { rememberReleases } from "./parts/remember.ts";
import { tellSurvey } from "./parts/tell-survey.ts";

export async function releases(run: Run, options: HostOptions): Promise<ExitCode> {
  const opened = openConfig(run, options);
  const fleet = openFleet(run, opened, "releases", ["survey"]);
  try {
    const surveys: Survey[] = [];
    const found = new Map<string, readonly ReleaseInfo[]>();
    const asked = fleet.onAll("survey", async (host, session) => {
      const survey = await session.request("survey", { project: opened.planFor(host), withoutSupervisor: true });
      surveys.push(survey);
      found.set(host.name, survey.releases);
      tellSurvey(run, host, survey);
      return undefined;
    });
    await orInterrupted(run, asked);
    rememberReleases(run, opened, surveys);
    const exit = concludeHosts(run, fleet.hosts, false);
    if (surveys.length > 0 && surveys.every((survey) => survey.releases.length === 0)) {
      run.output.report({ kind: "note", text: "no release is there; what was tried is in: zdr history" });
    }
    const hosts = fleet.hosts.flatMap(({ name: host }) => {
      const there = found.get(host);
      return there === undefined ? [] : [{ host, releases: there }];
    });
    run.output.result(describeReleases(hosts), { hosts }, exit);
    return exit;
  } finally {
    await closeRead(run, fleet);
  }
}
