/** What the YAML parser found, in words that need no knowledge of its grammar. Nothing of the file is repeated. */

interface Words {
  readonly problem: string;
  readonly suggestion?: string;
}

/** @param code the parser's code of the error; its message only tells errors of one code apart. */
export function syntaxWords(code: string, message: string): Words {
  const words = WORDS[code];
  if (words === undefined) return { problem: "this is not YAML" };
  return typeof words === "function" ? words(message) : words;
}

const WORDS: Readonly<Record<string, Words | ((message: string) => Words)>> = {
  TAB_AS_INDENT: { problem: "a tab stands in the indentation", suggestion: "indent with blanks" },
  BAD_INDENT: (message) =>
    message.startsWith("Flow")
      ? { problem: "a [ or { that was opened above is not closed before this line" }
      : { problem: "this line is indented differently from those that it belongs with" },
  BLOCK_AS_IMPLICIT_KEY: {
    problem: 'this line holds two times "key: value", or the next one is indented too far',
    suggestion: "put a text that holds a colon and a blank in quotes",
  },
  MULTILINE_IMPLICIT_KEY: {
    problem: 'this line is no "key: value"',
    suggestion: "write a colon and a blank behind the key",
  },
  MISSING_CHAR: (message) =>
    message.includes("quote")
      ? { problem: "a quote is opened here and never closed" }
      : { problem: "something is missing here: a colon behind a key, or a comma in [ ] or { }" },
  BAD_SCALAR_START: { problem: "a text can not begin with this character", suggestion: "put it in quotes" },
  BAD_DQ_ESCAPE: {
    problem: "a backslash in double quotes begins an escape that YAML does not know",
    suggestion: "use single quotes, which leave backslashes alone",
  },
  MULTIPLE_DOCS: { problem: 'a second document begins here ("---"); a deploy.yml is one' },
  NON_STRING_KEY: { problem: "a key must be text" },
  TAG_RESOLVE_FAILED: { problem: "a tag (!…) stands here, which means nothing in a deploy.yml" },
  RESOURCE_EXHAUSTION: { problem: "this is nested deeper than any deploy.yml needs" },
};
