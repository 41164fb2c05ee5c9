/** What an upload's stream may say in front of a file: its path, where that does not fit into the header. */
import { AgentError } from "../../core/failure.ts";

const PATH_KEY = Buffer.from("path=");
/** Of a record that is refused. */
const SHOWN_BYTES = 40;

/** The stream is not what was asked for. */
export const cut = (detail: string) => new AgentError({ reason: "upload-cut", detail });

/**
 * `path` of a pax extended header: records of "length key=value\n", whose length counts itself and bytes (POSIX pax).
 * Nothing else is ever sent there, and what could be (size, linkpath, GNU.sparse.…) would change what the header says.
 */
export function paxPath(body: Buffer): string {
  let path: string | undefined;
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const space = body.indexOf(0x20, at);
    const digits = body.toString("latin1", at, space);
    const length = /^[1-9][0-9]{0,5}$/.test(digits) ? Number(digits) : 0;
    const record = body.subarray(space + 1, at + length - 1);
    if (at + length > body.length || body[at + length - 1] !== 0x0a || record.length === 0)
      throw cut("a bad pax record");
    if (path !== undefined || !record.subarray(0, PATH_KEY.length).equals(PATH_KEY))
      throw cut(`a pax record ${JSON.stringify(record.toString("utf8", 0, SHOWN_BYTES))}`);
    path = record.toString("utf8", PATH_KEY.length);
    at += length;
  }
  if (path === undefined) throw cut("an empty pax record");
  return path;
}
