/** What a check of a user's text comes to: the value, or why not, in words that need no path before them. */

export interface Complaint {
  /** Lower case, no full stop: `holds a "/"`. Holds nothing that could be secret. */
  readonly problem: string;
  /** What to do about it, as a phrase: `did you mean "v1.2"?`. */
  readonly suggestion?: string;
  /** Where in the text, from 0; absent: all of it. */
  readonly offset?: number;
  /** Keys and indices from the checked value down to what is meant. */
  readonly at?: readonly (string | number)[];
}

export type Checked<T> = { readonly ok: T } | Complaint;

/** A complaint, leaving out what is not there. */
export function complain(problem: string, suggestion?: string, offset?: number): Complaint {
  return {
    problem,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(offset === undefined ? {} : { offset }),
  };
}
