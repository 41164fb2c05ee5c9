/** supervisord, wherever deploy.yml or supervisorctl's own search says it is. */
import { openSupervisor } from "../../io/supervisor/supervisor.ts";
import { findSupervisor } from "../../io/supervisor/supervisor-discovery.ts";
import type { SupervisorAddress } from "../../wire/plan.ts";

/** The search begins in this process's folder, as supervisorctl's does: over SSH that is the user's home. */
export function connectSupervisor(address: SupervisorAddress) {
  const resolved = findSupervisor(address, { cwd: process.cwd(), env: process.env });
  return { resolved, supervisor: openSupervisor(resolved) };
}
