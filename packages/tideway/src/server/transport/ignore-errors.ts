import type { Duplex } from 'node:stream'

/**
 * Gives a socket an error listener that does nothing: `close` always follows an error. Node removes its own listener from a socket
 * before it emits `upgrade` or `connect`, and an error without a listener would end the process.
 */
export function ignoreErrors(socket: Duplex): void {
  if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore)
}

function ignore(): void {}
