/** Asks for a passphrase on the terminal, without showing what is typed. */
import { Secret } from "../../../agent/wire/secret.ts";

const ENTER = /[\r\n]/;
const INTERRUPT = "\u0003";
const END = "\u0004";

/**
 * undefined: the operator gave none (Ctrl-C, Ctrl-D, or only Enter). Needs a terminal at stdin and stderr. That terminal
 * is in raw mode meanwhile, in which Ctrl-C is a character and no signal: `onInterrupt` is told.
 */
export function askPassphrase(path: string, onInterrupt: () => void): Promise<Secret | undefined> {
  const { stdin, stderr } = process;
  stderr.write(`Passphrase for ${path}: `);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  let typed = "";
  return new Promise((resolve) => {
    const finish = (secret: Secret | undefined) => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      resolve(secret);
    };
    const take = (text: string) => {
      for (const character of text) {
        if (character === INTERRUPT || character === END) {
          finish(undefined);
          if (character === INTERRUPT) onInterrupt();
          return;
        }
        if (ENTER.test(character)) return finish(typed === "" ? undefined : new Secret(typed));
        typed = character === "\u007f" || character === "\b" ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.on("data", take);
  });
}
