/** `listen:` of a program: where its keeper listens for it. */
import type { ListenPlan } from "../../../../agent/wire/plan.ts";
import { type Checked, complain } from "./checked.ts";

/** unix(7): sun_path has 108 bytes, one of them for the end. */
const PATH_LIMIT_BYTES = 107;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const EXAMPLES = '"127.0.0.1:8080", "[::]:80" or "unix:/run/shop.sock"';

export interface UnixListen {
  readonly unix: string;
  readonly mode?: string | undefined;
}

export function checkListen(input: string | UnixListen): Checked<ListenPlan> {
  return typeof input === "string" ? addressOf(input) : unixSocketOf(input);
}

function addressOf(text: string): Checked<ListenPlan> {
  if (text.startsWith("unix:")) return unixSocket(text.slice("unix:".length));
  const [, ipv6, ipv4 = "", portText = ""] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = ipv6 ?? ipv4;
  if (host === "") return complain(`is no address such as ${EXAMPLES}`);
  const isAddress = ipv6 === undefined ? IPV4.test(host) : URL.canParse(`http://[${ipv6}]/`);
  if (!isAddress) return complain(`names ${host}, which is no address in numbers`, "write 0.0.0.0 or [::] for all");
  const port = Number(portText);
  return port >= 1 && port <= 65_535 ? { ok: { host, port } } : complain(`names port ${portText}`, "1 to 65535");
}

function unixSocketOf({ unix, mode }: UnixListen): Checked<ListenPlan> {
  const checked = unixSocket(unix);
  if ("problem" in checked) return { ...checked, at: ["unix"] };
  if (mode === undefined) return checked;
  if (!/^0?[0-7]{3}$/.test(mode)) return { ...complain("is no mode such as 0660 or 0666"), at: ["mode"] };
  return { ok: { ...checked.ok, mode: Number.parseInt(mode, 8) } };
}

function unixSocket(path: string): Checked<ListenPlan> {
  if (!/^\/[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}/]$/u.test(path)) return complain("names no absolute path of a socket");
  if (new TextEncoder().encode(path).length > PATH_LIMIT_BYTES) {
    return complain(`names a path of more than ${PATH_LIMIT_BYTES} bytes, the limit of a socket's`);
  }
  return { ok: { path } };
}
