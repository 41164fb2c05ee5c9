/** The machine that something was measured on, in words. */
import { cpus, release as kernel } from "node:os";

export function machineWords(): string {
  return `${cpus().length} cores, Linux ${kernel()}, Node ${process.versions.node}`;
}
