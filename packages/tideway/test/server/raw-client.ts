import { connect, type Socket } from 'node:net'
import { describeFrames } from './frames.ts'
import { Received } from './received.ts'

/** The head of an HTTP response, and what followed it. */
export interface RawResponse {
  readonly status: number
  readonly statusLine: string
  /** Names in lower case; values of one name joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The key of the example in RFC 6455 §1.3; its answer is `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`. */
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** The lines of a valid handshake request, by name, so that a test can change one. */
export const validHandshake = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': SAMPLE_KEY,
  'Sec-WebSocket-Version': '13',
} as const

/** The text of a request. A header given as `undefined` is left out, one given as an array is repeated. */
export function requestText(
  requestLine: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  )
  return `${requestLine}\r\n${lines.join('')}\r\n`
}

/** A TCP client that sends and receives raw bytes. */
export class RawClient {
  readonly socket: Socket
  readonly #received: Received
  #error: Error | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    this.#received = new Received(socket)
    socket.on('error', (error) => {
      this.#error = error
    })
  }

  /** Connects to a port of this machine. */
  static async connect(port: number, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...options })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawClient(socket)
  }

  /** Connects and completes a WebSocket handshake. */
  static async open(
    port: number,
    path: string = '/',
    options: { readonly allowHalfOpen?: boolean } = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(port, options)
    client.write(requestText(`GET ${path} HTTP/1.1`, validHandshake))
    const { statusLine } = await client.head()
    if (!statusLine.startsWith('HTTP/1.1 101 ')) throw new Error(`The handshake was answered by ${statusLine}`)
    return client
  }

  /** Sends text or bytes as they are. */
  write(data: string | Uint8Array): void {
    this.socket.write(data)
  }

  /** Sends bytes that are written in hex; white space is for the reader. */
  hex(...lines: readonly string[]): void {
    this.socket.write(Buffer.from(lines.join('').replaceAll(/\s/g, ''), 'hex'))
  }

  /** The received bytes that the test has not taken yet. */
  get received(): Buffer {
    return this.#received.bytes
  }

  /** Whether the server has ended its side, or the connection is closed. */
  get isOver(): boolean {
    return this.#received.isOver
  }

  /** Why the connection broke, if it did. */
  get error(): Error | undefined {
    return this.#error
  }

  /** Takes the head of a response, and keeps the bytes after it. */
  async head(): Promise<Omit<RawResponse, 'body'>> {
    await this.#until(() => this.received.includes('\r\n\r\n'))
    const text = this.#received.take(this.received.indexOf('\r\n\r\n') + 4).toString('latin1')
    const [statusLine = '', ...lines] = text.slice(0, -4).split('\r\n')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const [name = ''] = line.split(':', 1)
      const value = line.slice(name.length + 1).trim()
      const key = name.toLowerCase()
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value
    }
    return { status: Number(statusLine.split(' ')[1]), statusLine, headers }
  }

  /** Takes a response whose body ends with the connection. */
  async response(): Promise<RawResponse> {
    const head = await this.head()
    await this.over()
    return { ...head, body: this.#takeAll().toString() }
  }

  /** Takes the next frame of the server, as a line such as `text Hello`. */
  frame(): Promise<string> {
    return this.#received.frame()
  }

  /** Waits for this many bytes and takes them. */
  async bytes(length: number): Promise<Buffer> {
    await this.#until(() => this.received.length >= length)
    return this.#received.take(length)
  }

  /** Waits until the server has ended its side, and takes all frames that came before. */
  async frames(): Promise<string[]> {
    await this.over()
    return describeFrames(this.#takeAll())
  }

  /** Takes frames up to the close frame of the server, and leaves that unanswered. */
  async framesUntilClose(): Promise<string[]> {
    const lines: string[] = []
    while (!lines.at(-1)?.startsWith('close')) lines.push(await this.frame())
    return lines
  }

  /** Waits until the server has ended its side. */
  async over(): Promise<void> {
    while (!this.isOver) await this.#received.change()
  }

  /** Ends the connection with a reset, as a machine that lost its memory does. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.isOver) throw new Error(`The server ended the connection too early, after: ${this.received.toString()}`)
      await this.#received.change()
    }
  }

  #takeAll(): Buffer {
    return this.#received.take(this.received.length)
  }
}
