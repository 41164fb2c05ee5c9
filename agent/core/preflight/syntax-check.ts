/** The look that an interpreter itself takes at a script, without running it: one that can not be read is refused before the flip. */
import { basename, extname } from "node:path";
import type { ReleaseCheck } from "../section/preset.ts";

const PARSE_PYTHON = "import ast, sys; ast.parse(open(sys.argv[1], 'rb').read(), sys.argv[1])";

/** By the interpreter's name and the script's. Perl has none: `-c` runs BEGIN blocks. */
const LOOKS: readonly {
  readonly interpreter: RegExp;
  readonly script: RegExp;
  readonly flags: readonly string[];
  /** Changes how the interpreter reads what it is given. */
  readonly unless?: string;
}[] = [
  { interpreter: /^node(?:js)?$/, script: /^\.[cm]?js$/, flags: ["--check"], unless: "NODE_OPTIONS" },
  { interpreter: /^(?:python|pypy)3?(?:\.\d+)?$/, script: /^\.py$/, flags: ["-c", PARSE_PYTHON] },
  { interpreter: /^ruby(?:\d|\.)*$/, script: /^\.rb$/, flags: ["-c"], unless: "RUBYOPT" },
];

/**
 * `command` begins with the interpreter and its script, placeholders filled in; options between the two may change the language,
 * so there is no check then, as where the interpreter is none that is known.
 */
export function syntaxCheck(
  [interpreter = "", script = ""]: readonly string[],
  environment: Readonly<Record<string, string>>,
): ReleaseCheck | undefined {
  const look = LOOKS.find((each) => each.interpreter.test(basename(interpreter)) && each.script.test(extname(script)));
  if (look === undefined || (look.unless !== undefined && look.unless in environment)) return undefined;
  return { words: [interpreter, ...look.flags, script], environment: {} };
}
