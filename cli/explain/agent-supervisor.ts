/** Trouble with supervisord, in words. */
import type { AgentFailure } from "../../agent/wire/failure.ts";
import { formatMs } from "../core/report/units.ts";
import { onHost, shellWord, type Words, words } from "./words.ts";

type SupervisorFailure = Extract<
  AgentFailure,
  {
    reason:
      | "supervisor-not-found"
      | "supervisor-config"
      | "supervisor-not-running"
      | "supervisor-not-permitted"
      | "supervisor-unauthorized"
      | "supervisor-silent"
      | "supervisor-shutting-down"
      | "supervisor-answer"
      | "supervisor-fault";
  }
>;

export function supervisorWords(failure: SupervisorFailure): Words {
  switch (failure.reason) {
    case "supervisor-not-found":
      return words(
        `no supervisord.conf was found (searched: ${failure.searched.join(", ")})`,
        "name it in deploy.yml, for example supervisor: { config: /etc/supervisor/supervisord.conf }",
        onHost("sudo apt-get install supervisor"),
      );
    case "supervisor-config":
      return words(
        `${failure.path} cannot be used: ${failure.detail}`,
        onHost(`supervisorctl -c ${shellWord(failure.path)} status`),
      );
    case "supervisor-not-running":
      return words(
        `supervisord does not answer at ${failure.url}: ${noAnswer(failure.code)}`,
        ...(failure.config === undefined
          ? [
              onHost("sudo systemctl start supervisor"),
              "or, if it runs with a config of its own, name that in deploy.yml: supervisor: { config: /path/of/supervisord.conf }",
            ]
          : [onHost(`supervisord -c ${shellWord(failure.config)}`)]),
      );
    case "supervisor-not-permitted":
      return words(
        `user ${failure.user} may not connect to supervisord at ${failure.url}`,
        onHost(`ls -l ${shellWord(failure.url.replace(/^unix:\/\//, ""))}`),
        "see what an administrator must put in order (chmod and chown of [unix_http_server]): zdr setup",
      );
    case "supervisor-unauthorized":
      return words(
        `supervisord at ${failure.url} refuses the user name or the password`,
        "set supervisor.username and supervisor.password in deploy.yml as [unix_http_server] or [inet_http_server] has them",
      );
    case "supervisor-silent":
      return words(
        `supervisord at ${failure.url} took the connection but did not answer within ${formatMs(failure.timeoutMs)}`,
        onHost("see whether it is stopped (state T) or busy (R): ps -o pid,stat,time,cmd -C supervisord"),
      );
    case "supervisor-shutting-down":
      return words(
        `supervisord at ${failure.url} is shutting down or restarting`,
        "wait until it is up and run the command again: zdr status",
      );
    case "supervisor-answer":
      return words(
        `what answers at ${failure.url} does not speak as supervisord does: ${failure.detail}`,
        onHost(`supervisorctl -s ${shellWord(failure.url)} version`),
      );
    case "supervisor-fault":
      return words(
        `supervisord refused ${failure.method}: ${failure.text} (fault ${failure.code})`,
        onHost("supervisorctl status"),
      );
  }
}

function noAnswer(code: string): string {
  if (code === "ENOENT") return "there is no such socket (ENOENT)";
  return code === "ECONNREFUSED" ? "nobody listens there (ECONNREFUSED)" : code;
}
