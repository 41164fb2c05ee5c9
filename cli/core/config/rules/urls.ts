/** URLs in deploy.yml. Their texts may hold a password, so nothing of them is repeated. */
import { type Checked, complain } from "./checked.ts";

const LOOPBACK = /^(?:127(?:\.\d+){3}|localhost|\[::1\])$/;

/** A health check's URL, asked from the host itself. */
export function checkHealthUrl(text: string): Checked<string> {
  if (/^https:/i.test(text)) {
    return complain("is https, which is not asked", "name the http port that the program listens at on the host");
  }
  const url = parsed(text);
  if (url === undefined) return complain('is no URL such as "http://127.0.0.1:8080/healthz"');
  if (url.username !== "" || url.password !== "") return complain("holds a user name or a password");
  if (url.hash !== "" || text.includes("#")) return complain('holds "#", which is never sent');
  if (url.port === "0") return complain("names port 0");
  if (url.hostname === "0.0.0.0" || url.hostname === "[::]") {
    return complain("names every address at once, which can not be asked", "write 127.0.0.1 for the host itself");
  }
  return { ok: text };
}

/** True where the URL's host is the machine that asks, whichever that is. */
export function isLoopbackUrl(text: string): boolean {
  const url = parsed(text);
  return url !== undefined && LOOPBACK.test(url.hostname);
}

/** The URL's host as a host of deploy.yml would write it. */
export function hostOfUrl(text: string): string {
  return parsed(text)?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "";
}

/** Where supervisord answers: what supervisorctl takes as serverurl (supervisor/options.py, ClientOptions). */
export function checkSupervisorUrl(text: string): Checked<string> {
  if (/^unix:/i.test(text)) {
    const isPath = /^unix:\/\/\/[^\p{Cc}\p{Cs}]+$/u.test(text);
    return isPath ? { ok: text } : complain('is no socket such as "unix:///run/supervisor.sock"');
  }
  if (text.startsWith("/")) return complain("is a path, not a URL", `did you mean "unix://${text}"?`);
  if (/^https:/i.test(text)) return complain("is https, which supervisord does not speak");
  const url = parsed(text);
  if (url === undefined) {
    return complain('is no URL such as "unix:///run/supervisor.sock" or "http://127.0.0.1:9001"');
  }
  if (url.username !== "" || url.password !== "") {
    return complain("holds a user name or a password", "write them as supervisor.username and supervisor.password");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return complain("holds more than a host and a port, which supervisord ignores");
  }
  return { ok: text.replace(/\/$/, "") };
}

function parsed(text: string): URL | undefined {
  // WHATWG URLs forgive blanks, missing slashes and backslashes; other readers of the same text do not.
  if (!/^http:\/\/[^\s\\/]+(?:\/[^\s\\]*|\?[^\s\\]*)?$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" ? url : undefined;
}
