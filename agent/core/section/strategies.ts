/** What the supervisor section of a program looks like, by the strategy that it reloads by. */
import type { StrategyName, StrategySection } from "./preset.ts";

export const STRATEGY_SECTIONS: Record<StrategyName, StrategySection> = {
  signal: { command: "current", directory: "deploy-to" },
  slot: { command: "slot", directory: "deploy-to" },
  watch: { command: "slot", directory: "deploy-to" },
  handover: { command: "keeper", directory: "deploy-to" },
  http: { command: "keeper", directory: "deploy-to" },
  socket: { command: "keeper", directory: "deploy-to" },
  bluegreen: { command: "current", directory: "current" },
  rolling: { command: "current", directory: "current" },
  restart: { command: "current", directory: "current" },
};
