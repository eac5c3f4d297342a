import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { toOriginForm } from './handshake/absolute-form.ts'
import { asksForWebSocket } from './handshake/handshake.ts'
import type { RefusedHandshakes } from './handshake/refused-handshakes.ts'
import { messageOf, type RequestHead } from './handshake/request-head.ts'
import { afterResponses } from './http/after-responses.ts'
import { ignoreUpgrade } from './http/ignored-upgrade.ts'
import type { NodeListener } from './http/node-listener.ts'
import { ignoresMore, leavePipeline } from './http/pipeline.ts'
import { respondToConnect } from './http/plain-responses.ts'
import type { HandshakeDispatcher } from './handshake-dispatcher.ts'
import type { SharedServerOptions } from './options.ts'
import { ignoreErrors } from './transport/ignore-errors.ts'

/** The parts of a server that answer an Upgrade or a CONNECT. */
export interface UpgradeParts {
  readonly handles: SharedServerOptions['handles']
  readonly handshakes: HandshakeDispatcher
  readonly refused: RefusedHandshakes
  /** Answers a CONNECT. */
  readonly respondToConnect: NodeListener
}

/** The listeners for the sockets that Node's HTTP/1.1 parser has left: for the events `upgrade` and `connect` of a server. */
export class Http1Upgrades {
  readonly #parts: UpgradeParts

  constructor(parts: UpgradeParts) {
    this.#parts = parts
  }

  /** Passes on a WebSocket handshake. Serves any other Upgrade as a request without it. */
  readonly onUpgrade = (request: RequestHead, socket: Socket, head: Buffer): void => {
    if (ignoresMore(socket)) {
      ignoreErrors(socket)
      return
    }
    leavePipeline(socket)
    toOriginForm(request)
    const { handles, handshakes } = this.#parts
    if (handles?.(messageOf(request)) === false && hasOtherListener(socket, 'upgrade')) return
    if (!asksForWebSocket(request)) {
      afterResponses(socket, () => ignoreUpgrade(messageOf(request), socket, head))
      return
    }
    afterResponses(socket, () => {
      socket.setTimeout(0)
      socket.setNoDelay(true)
      if (head.length > 0) socket.unshift(head)
      handshakes.onUpgrade(request, socket)
    })
  }

  /** Passes on an Upgrade after the drain has begun: the dispatcher refuses it. */
  readonly onLateUpgrade = (request: RequestHead, socket: Socket): void => {
    socket.setTimeout(0)
    this.#parts.handshakes.onUpgrade(request, socket)
  }

  /** Refuses a CONNECT. Without this listener, Node would close its connection without a response. */
  readonly onConnect = (request: IncomingMessage, socket: Socket): void => {
    if (ignoresMore(socket)) {
      ignoreErrors(socket)
      return
    }
    leavePipeline(socket)
    if (hasOtherListener(socket, 'connect')) return
    afterResponses(socket, () => {
      this.#parts.refused.endAfter(socket, () => respondToConnect(request, socket, this.#parts.respondToConnect))
    })
  }
}

/** Whether the server of this socket has another listener for the event. */
function hasOtherListener(socket: Socket, event: 'upgrade' | 'connect'): boolean {
  return (socket as Socket & { readonly server: Server }).server.listenerCount(event) > 1
}
