import type { Duplex } from 'node:stream'

/** Who is told what happens to a socket, or to a stream of HTTP/2. */
export interface SocketOwner {
  /** Bytes have come. */
  data(chunk: Buffer): void
  /** What was written has gone out. */
  drained(): void
  /** The other side will send nothing more. */
  ended(): void
  /** It is gone. */
  closed(): void
}

const OWNER: unique symbol = Symbol('tideway.owner')
const IS_READ: unique symbol = Symbol('tideway.isRead')

type OwnedSocket = Duplex & { [OWNER]?: SocketOwner | undefined; [IS_READ]?: boolean }

/**
 * Tells the owner of the end of the socket from now on, and no other. The listeners are the same functions for all sockets
 * instead of closures of each, and those of an owner before are kept: to exchange them costs more than all that one does.
 */
export function own(socket: Duplex, owner: SocketOwner): void {
  const owned: OwnedSocket = socket
  const isNew = owned[OWNER] === undefined
  owned[OWNER] = owner
  if (isNew) socket.on('end', onEnd).on('close', onClose).on('error', onError)
}

/** Tells the owner of what comes too. */
export function read(socket: Duplex): void {
  const owned: OwnedSocket = socket
  if (owned[IS_READ] === true) {
    // An owner has put back what came before its time.
    if (socket.isPaused()) socket.resume()
    return
  }
  owned[IS_READ] = true
  socket.on('data', onData).on('drain', onDrain)
}

/** Leaves the socket to whoever comes next, who has to make it flow again. */
export function disown(socket: Duplex): void {
  const owned: OwnedSocket = socket
  owned[OWNER] = undefined
  owned[IS_READ] = false
  socket.removeListener('end', onEnd).removeListener('close', onClose).removeListener('error', onError)
  socket.removeListener('data', onData).removeListener('drain', onDrain)
}

// An error is always followed by `close`, which says all that there is to know.
function onError(): void {}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[OWNER]!.data(chunk)
}

function onDrain(this: OwnedSocket): void {
  this[OWNER]!.drained()
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]!.ended()
}

function onClose(this: OwnedSocket): void {
  this[OWNER]!.closed()
}
