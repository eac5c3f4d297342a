import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

import { WebSocket, type ClientOptions } from 'ws'

import { Stream } from '../../packages/tideway/test/live/http-client.ts'
import { Page, textsOf } from '../chat/page.ts'
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

  /** Opens a stream of a live consumer as a page of the site does. */
  stream(path: string, groups: object): Promise<Stream> {
    const { headers, origin, ...options } = this.#handshakeOf({})
    return Stream.connect(`https://127.0.0.1:${this.#port}${path}`, groups, {
      ...(options as Connecting),
      headers: { ...headers, origin: origin! },
    })
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

  /** Goes into a room with the client of the chat's page. */
  enter(room: string, tab: string): RoomClient {
    return new RoomClient(`https://127.0.0.1:${this.#port}`, room, tab, { socket: this.#handshakeOf({}) })
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

/** A page in a room that remembers what it hears. */
export class RoomClient extends Page {
  get texts(): string[] {
    return textsOf(this.heard)
  }
}
