/** As a broken line does it. */
import type { Socket } from "node:net";

/** Node 24 spins for ever at its exit if a socket was reset whose end had been sent, or was being sent. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
