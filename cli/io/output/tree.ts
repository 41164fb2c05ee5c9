/** The only door to listr2, loaded only where a tree is shown. It draws on one stream, stderr, and leaves stdout alone. */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import {
  DefaultRenderer,
  Listr,
  ListrDefaultRendererLogLevels,
  ListrLogger,
  type ListrTask,
  ProcessOutput,
} from "listr2";
import type { HostSteps, Step, Steps } from "./steps.ts";

export interface RunningTree {
  /** Settles when every step has ended and the tree stands still. */
  readonly ended: Promise<void>;
  pause<T>(work: () => Promise<T>): Promise<T>;
}

export interface TreeOptions {
  readonly terminal: WriteStream;
  readonly color: boolean;
}

/** With more hosts than this, a host that is done shrinks to one line. */
const HOSTS_SHOWN_IN_FULL = 4;

/** Up one line, to its start, and erase it: the question that was answered. */
const ERASE_LINE_ABOVE = "\x1b[1A\r\x1b[2K";

export function runTree(steps: Steps, { terminal, color }: TreeOptions): RunningTree {
  let paused = false;
  let isOver = false;
  let startedDrawing: () => void = () => {};
  const drawing = new Promise<void>((resolve) => {
    startedDrawing = resolve;
  });
  class TerminalRenderer extends DefaultRenderer {
    // listr2 asks stdout whether a terminal is there. Ours is stderr, and it is one: output-mode.ts.
    static override readonly nonTTY: boolean = true;
    override async render(): Promise<void> {
      await super.render();
      startedDrawing();
    }
    override update(): void {
      if (!paused) super.update();
    }
  }
  const output = new ProcessOutput(terminal, terminal, { dump: ["stderr"], leaveEmptyLine: false });
  const logger = new ListrLogger({ useIcons: true, processOutput: output });
  const tree = new Listr(steps.hosts.map(hostTask), {
    concurrent: true,
    exitOnError: false,
    // Signals are main's business: listr2 would end the process with 127 and leave the hosts to themselves.
    registerSignalListeners: false,
    renderer: TerminalRenderer,
    rendererOptions: {
      logger,
      color: palette(color),
      icon: { [ListrDefaultRendererLogLevels.FAILED_WITH_FAILED_SUBTASKS]: "✖" },
      collapseSubtasks: steps.hosts.length > HOSTS_SHOWN_IN_FULL,
      showErrorMessage: false,
    },
    fallbackRendererOptions: { logger },
  });
  return {
    ended: tree.run().then(() => {
      isOver = true;
    }),
    async pause(work) {
      await drawing;
      if (isOver) return work();
      paused = true;
      output.release();
      try {
        return await work();
      } finally {
        terminal.write(ERASE_LINE_ABOVE);
        output.hijack();
        paused = false;
      }
    },
  };
}

type Task = ListrTask<unknown, typeof DefaultRenderer>;

function hostTask({ host, steps }: HostSteps): Task {
  return {
    title: host,
    // The last task has no title, so it is not drawn: it is there to make the host failed when one of its steps is.
    task: (_, task) =>
      task.newListr([...steps.map(stepTask), { task: () => failIfAny(steps) }], {
        concurrent: false,
        exitOnError: true,
      }),
  };
}

function stepTask(step: Step): Task {
  return {
    title: step.title,
    // What comes after a failure (giving up the lock) is still shown.
    exitOnError: false,
    task: async (_, task) => {
      let hasEnded = false;
      const show = () => {
        task.title = step.hasBegun || hasEnded ? step.title : `${step.title} (waits)`;
        if (step.output !== "") task.output = step.output;
      };
      step.changed = show;
      show();
      const end = await step.ended;
      hasEnded = true;
      show();
      if (end === "skipped") task.skip();
      if (end === "failed") throw new Error(step.title);
    },
  };
}

async function failIfAny(steps: readonly Step[]): Promise<void> {
  const ends = await Promise.all(steps.map(({ ended }) => ended));
  if (ends.includes("failed")) throw new Error("a step failed");
}

/** listr2's own colours look at stdout; these are for stderr, or none. */
function palette(color: boolean): Partial<Record<ListrDefaultRendererLogLevels, (text?: string) => string>> {
  const paint = (format: Parameters<typeof styleText>[0]) => (text?: string) =>
    color ? styleText(format, text ?? "", { validateStream: false }) : (text ?? "");
  const Level = ListrDefaultRendererLogLevels;
  return {
    [Level.SKIPPED_WITH_COLLAPSE]: paint("dim"),
    [Level.PENDING]: paint("yellow"),
    [Level.COMPLETED]: paint("green"),
    [Level.COMPLETED_WITH_FAILED_SUBTASKS]: paint("yellow"),
    [Level.COMPLETED_WITH_FAILED_SISTER_TASKS]: paint("dim"),
    [Level.FAILED]: paint("red"),
    [Level.FAILED_WITH_FAILED_SUBTASKS]: paint("red"),
    [Level.WAITING]: paint("dim"),
    [Level.OUTPUT]: paint("dim"),
  };
}
