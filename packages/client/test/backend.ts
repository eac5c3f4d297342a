import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketConsumer, type TextOrBytes } from 'tideway'
import type { Application } from 'tideway/asgi'
import { serve } from 'tideway/server'
import { WebSocketServer } from 'ws'

/** One connection, as the server sees it. */
export interface Peer {
  readonly path: string
  /** What was offered after the subprotocol `bearer`. */
  readonly token: string | undefined
  send(data: string | Uint8Array): void
  close(code: number, reason?: string): void
}

/** What becomes of the connections. */
export interface PeerEvents {
  open(peer: Peer): void
  message(peer: Peer, data: string | Uint8Array): void
  closed(peer: Peer): void
}

/** A server that runs. */
export interface Backend {
  readonly port: number
  stop(): Promise<void>
}

/** Serves WebSockets, and an empty page over HTTP, on the port; 0 is any. */
export type StartBackend = (port: number, events: PeerEvents) => Promise<Backend>

const emptyPage = '<!doctype html>'

/** tideway's own server with a consumer. */
export const startTideway: StartBackend = async (port, events) => {
  class PeerConsumer extends WebSocketConsumer<{}, {}> {
    #peer: Peer | undefined

    override async connect(): Promise<void> {
      const [protocol, token] = this.scope.subprotocols
      await this.accept({ subprotocol: protocol })
      this.#peer = {
        path: this.scope.path,
        token,
        send: (data) => void this.send(typeof data === 'string' ? { text: data } : { bytes: data }),
        close: (code, reason) => void this.close(code, reason),
      }
      events.open(this.#peer)
    }

    override receive({ text, bytes }: TextOrBytes): void {
      if (this.#peer) events.message(this.#peer, text ?? bytes)
    }

    override disconnect(): void {
      if (this.#peer) events.closed(this.#peer)
    }
  }
  const webSocket = PeerConsumer.asApplication()
  const application: Application = async (scope, receive, send) => {
    if (scope.type === 'websocket') return webSocket(scope, receive as never, send as never)
    if (scope.type !== 'http') throw new Error(`no ${scope.type} here`)
    const respond = send as (event: object) => void | Promise<void>
    await respond({ type: 'http.response.start', status: 200, headers: [['content-type', 'text/html']] })
    await respond({ type: 'http.response.body', body: Buffer.from(emptyPage) })
    return undefined
  }
  const server = await serve(application, { port })
  // A crowd on a busy machine takes its time to answer: a client that is cut instead has another wait than one that was told.
  return { port: server.port, stop: () => server.close(60_000) }
}

/** The `ws` package: a server that is not of this project. */
export const startWs: StartBackend = async (port, events) => {
  const http = createServer((_, response) => response.setHeader('content-type', 'text/html').end(emptyPage))
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
  sockets.on('connection', (socket, { url = '', headers }) => {
    const peer: Peer = {
      path: url,
      token: headers['sec-websocket-protocol']?.split(',')[1]?.trim(),
      send: (data) => socket.send(data),
      close: (code, reason) => socket.close(code, reason),
    }
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => events.message(peer, isBinary ? data : data.toString()))
    socket.on('close', () => events.closed(peer))
    events.open(peer)
  })
  return {
    port: (http.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}
