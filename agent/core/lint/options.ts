/** Options in a command line, as getopt_long and its kin read them. */

/** The last `--option value`, `--option=value`, `-o value` or `-ovalue`, which wins. Empty: it is the last word, without a value. */
export function optionValue(words: readonly string[], option: string): string | undefined {
  const isShort = /^-[^-]$/.test(option);
  const prefix = isShort ? option : `${option}=`;
  const at = words.findLastIndex((word) => word === option || word.startsWith(prefix));
  const word = words[at];
  if (word === undefined) return undefined;
  return word === option ? (words[at + 1] ?? "") : word.slice(prefix.length);
}

/** Whether an option is there, with or without a value of its own. */
export function hasOption(words: readonly string[], option: string): boolean {
  return words.some((word) => word === option || (option.startsWith("--") && word.startsWith(`${option}=`)));
}

/** What a program that starts another is told itself: all before `--`. */
export function ownWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end < 0 ? words : words.slice(0, end);
}
