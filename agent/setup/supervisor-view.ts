/** What supervisord and its files say, before `setup` changes anything. */
import { statSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import type { ConfigInfo } from "../core/section/facts.ts";
import { readProcess } from "../io/process/processes.ts";
import { configInfos, processName } from "../io/supervisor/config-infos.ts";
import type { SupervisorSections } from "../io/supervisor/sections.ts";
import type { Supervisor } from "../io/supervisor/supervisor.ts";
import { bySectionName, type ProgramSection, readSections } from "../io/supervisor/supervisor-sections.ts";

export interface SupervisorView {
  /** Of supervisord. */
  readonly uid: number;
  /** Undefined: this user may not talk to supervisord. */
  readonly spoken:
    | { readonly configs: ReadonlyMap<string, ConfigInfo>; readonly active: ReadonlySet<string> }
    | undefined;
  /** Undefined: it is not known which files these are, or they can not be read. */
  readonly files: SupervisorSections | undefined;
  readonly sections: ReadonlyMap<string, ProgramSection>;
}

/** Throws AgentError as Supervisor does, but for `supervisor-not-permitted`, which setup has an answer to. */
export async function viewSupervisor(supervisor: Supervisor): Promise<SupervisorView> {
  const files = readSections(supervisor.address);
  const sections = bySectionName(files);
  try {
    const pid = await supervisor.getPID();
    const configs = await configInfos(supervisor);
    const active = new Set((await supervisor.getAllProcessInfo()).map(({ group, name }) => processName(group, name)));
    return { uid: readProcess(pid)?.uid ?? 0, spoken: { configs, active }, files, sections };
  } catch (error) {
    if (!(error instanceof AgentError) || error.failure.reason !== "supervisor-not-permitted") throw error;
    return { uid: socketOwner(supervisor), spoken: undefined, files, sections };
  }
}

/** supervisord's own uid unless its config gives the socket away (http.py, `chown`). Root where nothing can be seen. */
function socketOwner({ address }: Supervisor): number {
  try {
    return address.kind === "unix" ? statSync(address.path).uid : 0;
  } catch {
    return 0;
  }
}
