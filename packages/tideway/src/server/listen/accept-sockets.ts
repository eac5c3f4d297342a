// oxlint-disable eslint/no-underscore-dangle -- these names are Node's
import { channel } from 'node:diagnostics_channel'
import { Socket, type Server, type SocketConstructorOpts } from 'node:net'

/** Node's handle of a listening server. Node calls the property for each connection, also for one from the primary of a cluster. */
interface ListeningHandle {
  onconnection?: (this: ListeningHandle, error: number | undefined, client: ClientHandle) => void
}

/** Node's handle of a connection. A Unix socket has no TCP options. */
interface ClientHandle {
  setNoDelay?(noDelay: boolean): void
}

/** The internal properties of a server that Node reads and writes at an accept. */
type Accepting = Server & {
  readonly _handle: ListeningHandle | null
  _connections: number
  readonly allowHalfOpen: boolean
  readonly pauseOnConnect: boolean
  readonly highWaterMark?: number
  readonly noDelay: boolean
  readonly keepAlive: boolean
}

/** The internal properties of an accepted socket. */
type Accepted = Socket & { server: Server; _server: Server }

/** The options that `new Socket()` reads, also those that its public type lacks. */
interface AcceptedSocketOptions extends SocketConstructorOpts {
  readonly handle: ClientHandle
  readonly pauseOnCreate: boolean
  readonly readableHighWaterMark: number | undefined
  readonly writableHighWaterMark: number | undefined
  readonly noDelay: boolean
  readonly emitClose: false
  readonly autoDestroy: true
  readonly decodeStrings: false
}

const isNode20 = process.versions.node.startsWith('20.')
const accepted = channel('net.server.socket')

/**
 * Accepts the connections of a server as Node does, in 70 to 80 % of the time of a WebSocket handshake. In Node 20, `new Socket()` adds
 * three properties to a copy of its options, and V8 makes a hidden class for each of them every time, since it keeps none for an object
 * that was made by `{ ...options }`: 1 kB of memory until the next full collection, and places of code that find no known class.
 * Options that have these properties already avoid it. Node 22 does not have the problem, and keeps its own function.
 */
export function acceptSockets(server: Server): void {
  if (isNode20) server.on('listening', () => replaceAccept(server as Accepting))
}

function replaceAccept(server: Accepting): void {
  const handle = server._handle
  const acceptOfNode = handle?.onconnection
  if (!handle || acceptOfNode === undefined) return
  handle.onconnection = function (error, client) {
    // Node refuses and reports connections itself.
    const isForNode = error || server.maxConnections > 0 || server.keepAlive || accepted.hasSubscribers
    if (isForNode) acceptOfNode.call(this, error, client)
    else accept(server, client)
  }
}

/** Has the effect of Node's `onconnection()` in lib/net.js. */
function accept(server: Accepting, client: ClientHandle): void {
  const { allowHalfOpen, pauseOnConnect, highWaterMark } = server
  const noDelay = server.noDelay && client.setNoDelay !== undefined
  const options: AcceptedSocketOptions = {
    handle: client,
    allowHalfOpen,
    pauseOnCreate: pauseOnConnect,
    readable: true,
    writable: true,
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
    noDelay,
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  }
  const socket = new Socket(options) as Accepted
  if (noDelay) client.setNoDelay!(true)
  server._connections++
  socket.server = server
  socket._server = server
  server.emit('connection', socket)
}
