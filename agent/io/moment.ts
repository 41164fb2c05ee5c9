/**
 * Names a moment: what has just been done, and between which and the next the agent may die. Does nothing, and the
 * bundler leaves its calls out of what is delivered; the tests build an agent with a function in its place that kills it
 * there, or has it wait.
 */
export function moment(_name: string): void {}
