/** Where a keeper listens for its program. */
import { isUnder, type Rule, refuse } from "./subject.ts";

const place: Rule = ({ program, layout }) =>
  (program.listen ?? []).flatMap((address) => {
    if (!("path" in address)) return [];
    if (![layout.current, layout.releases].some((folder) => isUnder(address.path, folder))) return [];
    const text = `the socket ${address.path} would lie in a release, and after the flip nobody would find it`;
    return [refuse("listen-in-release", text, `listen: unix:${layout.programRun(program.name)}/http.sock`)];
  });

export const LISTEN_RULES: readonly Rule[] = [place];
