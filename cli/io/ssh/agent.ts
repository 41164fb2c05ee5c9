/** What an ssh-agent holds (draft-ietf-sshm-ssh-agent). ssh2 lists it too, but silently drops the keys that it cannot use. */
import { connect } from "node:net";
import { readStrings } from "../../core/ssh/wire.ts";

/** How long an agent may take to list its keys; it does so without asking anybody. */
export const AGENT_TIMEOUT_MS = 5_000;

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const ANSWER_LIMIT_BYTES = 1024 * 1024;

export interface AgentIdentity {
  readonly publicBlob: Buffer;
  readonly comment: string;
}

/** Asks the agent at `socketPath`; rejects with a message for the operator where it does not answer. */
export async function listIdentities(
  socketPath: string,
  timeoutMs = AGENT_TIMEOUT_MS,
): Promise<readonly AgentIdentity[]> {
  const socket = connect(socketPath);
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  socket.write(Buffer.of(0, 0, 0, 1, REQUEST_IDENTITIES));
  try {
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length > ANSWER_LIMIT_BYTES) break;
      const identities = parseAnswer(answer);
      if (identities !== undefined) return identities;
    }
    throw new Error("it did not list its keys");
  } finally {
    socket.destroy();
  }
}

/** undefined: more bytes are needed. */
function parseAnswer(answer: Buffer): readonly AgentIdentity[] | undefined {
  const message = readStrings(answer, 1)?.values[0];
  if (message === undefined) return undefined;
  if (message[0] !== IDENTITIES_ANSWER || message.length < 5) throw new Error("it does not list its keys");
  const strings = readStrings(message, 2 * message.readUInt32BE(1), 5)?.values ?? [];
  const identities: AgentIdentity[] = [];
  for (let i = 0; i < strings.length; i += 2) {
    const [publicBlob, comment] = strings.slice(i, i + 2);
    if (publicBlob !== undefined) identities.push({ publicBlob, comment: comment?.toString("utf8") ?? "" });
  }
  return identities;
}
