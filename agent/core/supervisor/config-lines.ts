/**
 * The first half of reading a supervisord.conf: Python's own reading of its lines, as supervisor sets it up
 * (configparser.RawConfigParser._read, with inline_comment_prefixes (';', '#') and strict=False; Python 3.11).
 *
 * - A comment starts at `;` or `#` at the start of a line or behind white space, quotes or not.
 * - An indented line continues the value above it; comment lines between are dropped.
 * - A header is everything from the first `[` to the last `]`; what follows is ignored.
 * - A key is lower-cased and ends at the first `=` or `:`. The last of equal keys wins; equal sections merge.
 */
import { indentOf, isBlank, strip, stripEnd } from "./python-text.ts";

interface ConfigOption {
  readonly key: string;
  readonly value: string;
}
export interface ConfigBlock {
  readonly section: string;
  readonly options: readonly ConfigOption[];
}

/** The text is no config to supervisor either. `line` counts from 1; 0 where it is not one line's fault. */
export class ConfigSyntaxError extends Error {
  override readonly name = "ConfigSyntaxError";
  readonly line: number;

  constructor(problem: string, line = 0) {
    super(line === 0 ? problem : `line ${line}: ${problem}`);
    this.line = line;
  }
}

interface OpenOption {
  readonly key: string;
  readonly lines: string[];
}
interface OpenBlock {
  readonly section: string;
  readonly options: OpenOption[];
}

/** Blocks in the order of the text; a section that is opened twice is there twice. Throws ConfigSyntaxError. */
export function readBlocks(text: string): ConfigBlock[] {
  const blocks: OpenBlock[] = [];
  let option: OpenOption | undefined;
  let indent = 0;
  for (const [index, line] of text.replace(/\r\n?/g, "\n").split("\n").entries()) {
    const end = commentStart(line);
    const content = strip(line.slice(0, end));
    const block = blocks.at(-1);
    if (content === "") {
      // A blank line belongs to a value that goes on after it; a line of comment does not.
      if (end === line.length) option?.lines.push("");
    } else if (option !== undefined && indentOf(line) > indent) {
      option.lines.push(content);
    } else {
      indent = indentOf(line);
      const section = headerName(content);
      if (section === undefined) option = addOption(block, content, index + 1);
      else {
        blocks.push({ section, options: [] });
        option = undefined;
      }
    }
  }
  return blocks.map(({ section, options }) => ({
    section,
    options: options.map(({ key, lines }) => ({ key, value: stripEnd(lines.join("\n")) })),
  }));
}

function addOption(block: OpenBlock | undefined, content: string, line: number): OpenOption {
  if (block === undefined) throw new ConfigSyntaxError("no section header above this line", line);
  const delimiter = content.search(/[=:]/);
  if (delimiter < 1) throw new ConfigSyntaxError("neither `[section]` nor `key = value`", line);
  const key = stripEnd(content.slice(0, delimiter)).toLowerCase();
  const option = { key, lines: [strip(content.slice(delimiter + 1))] };
  block.options.push(option);
  return option;
}

function headerName(content: string): string | undefined {
  const end = content.lastIndexOf("]");
  return content.startsWith("[") && end >= 2 ? content.slice(1, end) : undefined;
}

/** Where a line's comment starts; its length where it has none. */
function commentStart(line: string): number {
  if (/^[;#]/.test(strip(line))) return 0;
  // Python looks at the nth `;` and the nth `#` together and stops at the first pair that holds a comment, so in
  // `a#b #c ;d` the comment is `;d`. Odd, and kept: a value that differs from supervisor's is worse than odd.
  const semicolons = indexesOf(line, ";");
  const hashes = indexesOf(line, "#");
  for (let nth = 0; nth < Math.max(semicolons.length, hashes.length); nth++) {
    const starts = [semicolons[nth], hashes[nth]].filter((index) => index !== undefined && isCommentAt(line, index));
    if (starts.length > 0) return Math.min(...starts.map(Number));
  }
  return line.length;
}

function indexesOf(line: string, character: string): number[] {
  return [...line.matchAll(new RegExp(character, "g"))].map((match) => match.index ?? 0);
}

function isCommentAt(line: string, index: number): boolean {
  return index === 0 || isBlank(line.charAt(index - 1));
}
