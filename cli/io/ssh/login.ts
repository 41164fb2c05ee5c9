/**
 * How a host is asked to let us in: by one key after the other, with a record of what became of each.
 *
 * ssh2 tells nothing but "all methods failed", so each key is offered as an agent that holds only this one. That makes
 * every answer of the host belong to one key, and lets a passphrase be asked for after the host has accepted the key.
 */
import type { AnyAuthMethod, AuthHandlerMiddleware, BaseAgent, ParsedKey, SignCallback } from "ssh2";
import type { AuthAttempt } from "../../failure.ts";
import type { Ssh2 } from "./key-files.ts";
import type { KeyOffer, KeyStep, SignatureHash } from "./keys.ts";

export interface LoginPlan {
  readonly user: string;
  readonly ssh2: Ssh2;
  readonly steps: AsyncGenerator<KeyStep, void>;
  /** Called around what happens on this machine (files, agent, prompts), which no timeout of the host's may count. */
  readonly onLocalWork: (isWorking: boolean) => void;
}

export interface Login {
  readonly handler: AuthHandlerMiddleware;
  attempts(): readonly AuthAttempt[];
  /** Of a chosen key file that is of no use. */
  unusable(): { readonly path: string; readonly detail: string } | undefined;
  /** The key that is being offered, where nobody has to be asked for it. */
  atHand(): ParsedKey | undefined;
  /** What was thrown where nothing may be. */
  bug(): unknown;
}

export function planLogin({ user, ssh2, steps, onLocalWork }: LoginPlan): Login {
  const attempts: AuthAttempt[] = [];
  let offered: { readonly what: string; readonly atHand: ParsedKey | undefined; outcome: string } | undefined;
  let unusable: { readonly path: string; readonly detail: string } | undefined;
  let bug: unknown;
  let hasAskedMethods = false;

  const asAgent = (offer: KeyOffer): AnyAuthMethod => {
    const current = { what: offer.what, atHand: offer.atHand, outcome: "refused by the host" };
    offered = current;
    const agent = agentOfOne(ssh2, offer.publicKey, async (data, hash) => {
      onLocalWork(true);
      try {
        return await offer.sign(data, hash);
      } catch (error) {
        current.outcome = `accepted by the host, but ${(error as Error).message}`;
        throw error;
      } finally {
        onLocalWork(false);
      }
    });
    return { type: "agent", username: user, agent };
  };

  const nextMethod = async (): Promise<AnyAuthMethod | false> => {
    for (let step = await steps.next(); !step.done; step = await steps.next()) {
      if (step.value.kind === "offer") return asAgent(step.value.offer);
      if (step.value.kind === "skip") attempts.push(step.value.attempt);
      else {
        unusable = step.value;
        return false;
      }
    }
    if (hasAskedMethods) return false;
    // Only where all keys failed: `none` makes the host say what it would take instead (RFC 4252 §5.2).
    hasAskedMethods = true;
    return { type: "none", username: user };
  };

  const handler: AuthHandlerMiddleware = (methodsLeft, _isPartial, next) => {
    if (offered !== undefined) attempts.push(attemptOf(offered));
    offered = undefined;
    if (hasAskedMethods && methodsLeft !== null) {
      attempts.push({ what: "the host", outcome: `takes ${methodsLeft.join(", ")}` });
    }
    onLocalWork(true);
    const proceed = next as (method: AnyAuthMethod | false) => void;
    nextMethod()
      .catch((error: unknown) => {
        bug = error;
        return false as const;
      })
      .finally(() => onLocalWork(false))
      .then(proceed)
      .catch(() => {}); // the link has gone meanwhile, which is heard of elsewhere
  };
  return {
    handler,
    attempts: () => (offered ? [...attempts, attemptOf(offered)] : attempts),
    atHand: () => offered?.atHand,
    unusable: () => unusable,
    bug: () => bug,
  };
}

const attemptOf = ({ what, outcome }: AuthAttempt): AuthAttempt => ({ what, outcome });

function agentOfOne(
  ssh2: Ssh2,
  publicKey: ParsedKey,
  sign: (data: Buffer, hash: SignatureHash | undefined) => Promise<Buffer>,
): BaseAgent<ParsedKey> {
  class AgentOfOne extends ssh2.BaseAgent<ParsedKey> {
    getIdentities(done: (error: null, keys: ParsedKey[]) => void): void {
      done(null, [publicKey]);
    }

    sign(
      _key: ParsedKey,
      data: Buffer,
      options: { hash?: SignatureHash } | SignCallback,
      done: SignCallback = () => {},
    ): void {
      const hash = typeof options === "function" ? undefined : options.hash;
      sign(data, hash).then((signature) => done(null, signature), done);
    }
  }
  return new AgentOfOne();
}
