/** Members of a tar stream spelled out byte by byte, as an attacker could. */

const BLOCK_BYTES = 512;

export interface RawMember {
  readonly name?: string | Buffer;
  readonly prefix?: string;
  /** What stands in the size's field: a number in octal, or the text itself. Default: the body's length. */
  readonly size?: number | string | Buffer;
  /** The type's character. Default `0`, a file. */
  readonly type?: string;
  readonly linkname?: string;
  /** In octal. */
  readonly mode?: string;
  readonly magic?: string;
  readonly body?: string | Buffer;
  /** False: the checksum is wrong. */
  readonly isSound?: boolean;
}

/** Header and body, padded. */
export function rawMember(member: RawMember): Buffer {
  const { name = "a/one", prefix = "", type = "0", linkname = "", mode = "0000644", magic = "ustar\u000000" } = member;
  const body = Buffer.from(member.body ?? "");
  const size = member.size ?? body.length;
  const block = Buffer.alloc(BLOCK_BYTES);
  Buffer.from(name).copy(block, 0, 0, 100);
  block.write(mode, 100, 8, "latin1");
  block.write("0000000\0".repeat(2), 108, "latin1");
  if (Buffer.isBuffer(size)) size.copy(block, 124, 0, 12);
  else block.write(typeof size === "string" ? size : octal(size, 11), 124, 12, "latin1");
  block.write("00000000000\0", 136, "latin1");
  block.write(type, 156, 1, "latin1");
  block.write(linkname, 157, 100, "utf8");
  block.write(magic, 257, "latin1");
  block.write(prefix, 345, 155, "utf8");
  block.write(`${octal(checksum(block) + (member.isSound === false ? 1 : 0), 6)}\0 `, 148, "latin1");
  return Buffer.concat([block, padded(body)]);
}

/** A pax extended header with these records; `type` `g` makes it global. */
export function rawPax(records: Readonly<Record<string, string>>, type = "x"): Buffer {
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return rawMember({ name: "PaxHeader/x", type, body });
}

/** `length key=value\n`, whose length counts itself. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

/** The two blocks that end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

function padded(body: Buffer): Buffer {
  return Buffer.concat([body, Buffer.alloc((BLOCK_BYTES - (body.length % BLOCK_BYTES)) % BLOCK_BYTES)]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** POSIX: the sum of all bytes, with blanks in the place of the checksum itself. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum;
}
