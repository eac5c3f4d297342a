import type { Duplex } from 'node:stream'

/** Receives the events of a socket or of an HTTP/2 stream. */
export interface SocketOwner {
  /** The socket received bytes. */
  onData(chunk: Buffer): void
  /** The write buffer is empty again. */
  onDrain(): void
  /** The peer has ended its side. */
  onEnd(): void
  /** The socket is closed. */
  onClose(): void
}

const OWNER: unique symbol = Symbol('tideway.owner')
const IS_READ: unique symbol = Symbol('tideway.isRead')
const CLOSED: unique symbol = Symbol('tideway.closed')

/** A listener of `close`, called as a method of the socket. */
type CloseListener<Socket> = (this: Socket) => void

type OwnedSocket = Duplex & {
  [OWNER]?: SocketOwner | undefined
  [IS_READ]?: boolean
  [CLOSED]?: CloseListener<OwnedSocket>
}

/** Calls the listener when the socket closes, after its owner: a list of two listeners would cost 64 bytes of each socket. */
export function onSocketClosed<Socket extends Duplex>(socket: Socket, listener: CloseListener<Socket>): void {
  const owned: OwnedSocket = socket
  if (owned[CLOSED] !== undefined) {
    socket.on('close', listener)
    return
  }
  owned[CLOSED] = listener as CloseListener<Duplex>
  if (owned[OWNER] === undefined) socket.on('close', onClose)
}

/**
 * Makes the owner the only recipient of the socket's end and close events. All sockets share the listener functions, and a new
 * owner keeps the listeners of the previous one: to replace them costs more than their work.
 */
export function attachOwner(socket: Duplex, owner: SocketOwner): void {
  const owned: OwnedSocket = socket
  const isNew = owned[OWNER] === undefined
  owned[OWNER] = owner
  if (!isNew) return
  socket.on('end', onEnd).on('error', onError)
  if (owned[CLOSED] === undefined) socket.on('close', onClose)
}

/** Also sends the owner the data of the socket, and makes it flow. */
export function startReading(socket: Duplex): void {
  const owned: OwnedSocket = socket
  if (owned[IS_READ] === true) {
    // A previous owner has put bytes back and paused the socket.
    if (socket.isPaused()) socket.resume()
    return
  }
  owned[IS_READ] = true
  socket.on('data', onData).on('drain', onDrain)
}

/** Removes the listeners. The next reader of the socket has to make it flow again. */
export function detachOwner(socket: Duplex): void {
  const owned: OwnedSocket = socket
  owned[OWNER] = undefined
  owned[IS_READ] = false
  if (owned[CLOSED] === undefined) socket.removeListener('close', onClose)
  socket.removeListener('end', onEnd).removeListener('error', onError)
  socket.removeListener('data', onData).removeListener('drain', onDrain)
}

// `close` always follows an error.
function onError(): void {}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[OWNER]!.onData(chunk)
}

function onDrain(this: OwnedSocket): void {
  this[OWNER]!.onDrain()
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]!.onEnd()
}

function onClose(this: OwnedSocket): void {
  this[OWNER]?.onClose()
  this[CLOSED]?.call(this)
}
