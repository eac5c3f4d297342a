import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

import { connect, type TidewayClient } from '@tideway/client'
import { WebSocket, type ClientOptions } from 'ws'

import type { ClientMessage, Said, ServerMessage } from '../../examples/chat/src/room/protocol.ts'
import { Visitor } from '../chat/visitor.ts'
import { SITE_NAME, type Certificate } from './site.ts'

/** The answer to a request. */
export interface HttpAnswer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** How a request or a handshake differs from that of a page of the site. */
export interface From {
  /** The address of this machine that it comes from. @default '127.0.0.7' */
  readonly address?: string
  readonly headers?: Readonly<Record<string, string>>
  /** @default the site's own */
  readonly origin?: string
}

interface Connecting {
  ca: Buffer
  servername: string
  host: string
  localAddress: string
}

/** A browser at `https://chat.example.com`, whose connections go to a port of this machine. */
export class Browser {
  readonly host: string
  readonly #port: number
  readonly #tls: Omit<Connecting, 'localAddress'>

  private constructor(port: number, ca: Buffer) {
    this.#port = port
    this.host = `${SITE_NAME}:${port}`
    this.#tls = { ca, servername: SITE_NAME, host: '127.0.0.1' }
  }

  static async of(port: number, { certificate }: Pick<Certificate, 'certificate'>): Promise<Browser> {
    return new Browser(port, await readFile(certificate))
  }

  async fetch(path: string, options: From & { method?: string; body?: Buffer | object } = {}): Promise<HttpAnswer> {
    const { method = 'GET', body, headers } = options
    const content = body instanceof Buffer || body === undefined ? body : JSON.stringify(body)
    const type = content !== undefined && !(content instanceof Buffer) ? { 'content-type': 'application/json' } : {}
    const length = content === undefined ? {} : { 'content-length': Buffer.byteLength(content) }
    const request = httpsRequest({
      ...this.#optionsOf(options),
      path,
      port: this.#port,
      method,
      agent: false,
      headers: { host: this.host, ...type, ...length, ...headers },
    })
    // Who is refused may be so before the whole body was taken.
    request.on('error', () => {})
    request.end(content)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }
  }

  /** A WebSocket, before it is open. */
  socket(path: string, options: From = {}): WebSocket {
    return new WebSocket(`wss://127.0.0.1:${this.#port}${path}`, this.#handshakeOf(options))
  }

  /** Opens a WebSocket as a page of the site does. */
  async open(path: string, options: From = {}): Promise<Visitor> {
    const visitor = new Visitor(this.socket(path, options))
    await once(visitor.socket, 'open')
    return visitor
  }

  /** What a handshake is refused with; `undefined` if it is not. */
  async refusal(path: string, options: From = {}): Promise<number | undefined> {
    const socket = this.socket(path, options)
    socket.on('error', () => {})
    const refused = once(socket, 'unexpected-response') as Promise<[unknown, { statusCode?: number }]>
    const opened = once(socket, 'open').then(() => undefined)
    const answer = await Promise.race([refused, opened])
    socket.terminate()
    return answer?.[1].statusCode
  }

  /** Goes into a room with `@tideway/client`, as the chat's page does, and remembers what it hears. */
  enter(room: string, tab: string): RoomClient {
    return new RoomClient(`wss://127.0.0.1:${this.#port}/ws/room/${room}/`, tab, this.webSocketClass())
  }

  /** The class for `@tideway/client`, with the handshake of this browser. */
  webSocketClass(): new (url: string, protocols?: string[]) => WebSocket {
    const handshake = this.#handshakeOf({})
    return class extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, handshake)
      }
    }
  }

  #handshakeOf(options: From): ClientOptions {
    const { origin = `https://${this.host}`, headers } = options
    return { ...this.#optionsOf(options), origin, headers: { host: this.host, ...headers } }
  }

  #optionsOf({ address = '127.0.0.7' }: From): Connecting {
    return { ...this.#tls, localAddress: address }
  }
}

/** A page in a room: it reconnects by itself, repeats unanswered messages, and requests missed ones. */
export class RoomClient {
  readonly socket: TidewayClient<ClientMessage, ServerMessage>
  readonly heard: Said[] = []
  #seen: { history: string; number: number } | undefined
  #count = 0

  constructor(url: string, tab: string, Socket: new (url: string, protocols?: string[]) => WebSocket) {
    this.socket = connect<ClientMessage, ServerMessage>(url, {
      WebSocket: Socket,
      onConnectMessage: () => ({ type: 'hello', tab: `the secret of ${tab}`, seen: this.#seen }),
      backoff: { baseMs: 100, capMs: 400 },
      lifecycleTarget: {},
    })
    this.socket.on('message', (message) => {
      if (message.type === 'welcome') this.#seen ??= { history: message.history, number: 0 }
      if (message.type !== 'said') return
      this.heard.push(...message.messages)
      const { history, number } = this.#seen!
      this.#seen = { history, number: Math.max(number, ...message.messages.map((said) => said.number!)) }
    })
  }

  get texts(): string[] {
    return this.heard.map(({ message }) => message)
  }

  /** Resolves once the server has stored it, even if the connection is lost in between. */
  async say(message: string): Promise<void> {
    const key = `the key of the message ${(this.#count += 1)}`
    await this.socket.request({ type: 'say', key, message }, { retry: true, timeoutMs: 60_000 })
  }

  close(): void {
    this.socket.close()
  }
}
