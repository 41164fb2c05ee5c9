/** `upload`: takes the tar stream of what was missing, then publishes the release. */
import { AgentError } from "../core/failure.ts";
import { withoutOptimizing } from "../io/release/quick-code.ts";
import { receiveFiles } from "../io/release/receive.ts";
import { publish } from "../io/release/release-store.ts";
import { unpackTo } from "../io/release/unpack.ts";
import { GIVEN_UP } from "../io/wire.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { UploadResult } from "../wire/stage.ts";
import { lockedContext, recordStaged } from "./parts/open.ts";

export async function runUpload(
  session: Session,
  _request: RequestOf<"upload">,
  emit: (event: AgentEvent) => void,
): Promise<UploadResult> {
  const context = lockedContext(session, emit);
  const { staging } = session;
  if (!staging) throw new AgentError({ reason: "bad-request", detail: "stage comes first" });
  const { incoming, missing, copyMs } = staging;
  const startedAt = performance.now();
  const receiver = receiveFiles(incoming, missing);
  const receivedBytes = await withoutOptimizing(() => receiveAll(session, receiver));
  const receiveMs = Math.round(performance.now() - startedAt);
  // What becomes of it where this fails is decided there.
  session.staging = undefined;
  const { durableMs } = await publish(incoming, context.project.shared);
  session.published = incoming.manifest.tag;
  recordStaged(context, incoming.manifest, receivedBytes, {
    ...{ copy: copyMs, receive: receiveMs },
    durable: Math.round(durableMs),
  });
  return { published: incoming.manifest.tag, receivedBytes, durableMs };
}

async function receiveAll({ wire }: Session, receiver: ReturnType<typeof receiveFiles>): Promise<number> {
  let failing: Promise<never> | undefined;
  const write = unpackTo(receiver);
  const end = await wire.pour((bytes, frame) => {
    failing = write(bytes, frame);
    return failing === undefined;
  });
  if (failing !== undefined) return failing;
  if (end === "whole") return (await receiver.end()).receivedBytes;
  // An operator who gives up wants nothing left; a link that dies may come again.
  if (end === "gone" && wire.gone.reason !== GIVEN_UP) await receiver.leave();
  else await receiver.abort();
  const detail = end === "gone" ? String(wire.gone.reason) : "something else came in the middle";
  throw new AgentError({ reason: "upload-cut", detail });
}
