import type { Socket } from "node:net";

/**
 * From now on, what is written in one turn leaves together. ssh2 writes each packet in three pieces (length, payload, tag),
 * and without Nagle's algorithm each would be a system call and a segment of its own. Not a subclass: connect() puts
 * Socket's own `write` back.
 */
export function gatherWrites(socket: Socket): void {
  const { write } = socket;
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return Reflect.apply(write, socket, args);
  };
}
