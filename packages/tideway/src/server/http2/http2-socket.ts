import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { OutgoingMessage, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { fieldsOf, readHead } from './http1-head.ts'

const { NGHTTP2_NO_ERROR } = constants

/**
 * A stream of HTTP/2 as the socket of one request: what Node's `ServerResponse` writes as HTTP/1 goes out as frames. So
 * requests of both versions reach an application through the same classes. Node's own classes for HTTP/2 are others, which
 * Express and its like do not work with, as they set the prototypes of HTTP/1.
 */
export class Http2Socket extends Duplex {
  /** The connection that the stream is one of many on. */
  readonly carrier: TLSSocket
  readonly encrypted = true
  /** As HTTP/1 would have needed them. */
  bytesWritten = 0
  readonly #stream: ServerHttp2Stream
  /** What has come of the head of the response; `undefined`: it is through. */
  #head: Buffer | undefined = Buffer.alloc(0)
  #trailers: OutgoingHttpHeaders | undefined
  /** How much of the body has to follow; `undefined`: that is not known, or trailers come behind it. */
  #bytesLeft: number | undefined

  constructor(stream: ServerHttp2Stream, carrier: TLSSocket) {
    super()
    this.#stream = stream
    this.carrier = carrier
  }

  get remoteAddress(): string | undefined {
    return this.carrier.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.carrier.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.carrier.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.carrier.localAddress
  }

  get localPort(): number | undefined {
    return this.carrier.localPort
  }

  get authorized(): boolean {
    return this.carrier.authorized
  }

  get alpnProtocol(): string | false | null {
    return this.carrier.alpnProtocol
  }

  /** The server that has accepted the connection. */
  get server(): unknown {
    return (this.carrier as { readonly server?: unknown }).server
  }

  getPeerCertificate(isDetailed: boolean = false): unknown {
    return this.carrier.getPeerCertificate(isDetailed)
  }

  /** What waits for the client to open its window. */
  get unsentBytes(): number {
    return this.#stream.writableLength
  }

  /** Time-outs are the server's business: one of a stream must not end the connection of others. */
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  /** The request asks for more of its body. */
  override resume(): this {
    this.#stream.resume()
    return this
  }

  override pause(): this {
    this.#stream.pause()
    return this
  }

  /** Whether {@link sendTrailers} will be called: to be said before the head of the response is written. */
  expectTrailers(): void {
    this.#trailers = {}
  }

  /** What goes out behind the last of the body. */
  sendTrailers(trailers: Iterable<readonly [string, string]>): void {
    this.#trailers = fieldsOf(trailers)
  }

  /** Serves as the socket of a response to its end. */
  serve(response: ServerResponse): void {
    this.#stream.once('close', () => this.destroy())
    // What goes wrong ends in `close`, for the response too.
    this.on('error', ignore)
    response.assignSocket(this as unknown as TLSSocket)
    this.on('drain', () => {
      ;(response as unknown as Record<symbol, unknown>)[needDrain] = false
      response.emit('drain')
    })
    response.once('finish', () => this.#endResponse())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.bytesWritten += chunk.length
    if (this.#stream.destroyed) {
      done()
      return
    }
    let body: Buffer | undefined = chunk
    try {
      if (this.#head !== undefined) body = this.#takeHead(chunk)
    } catch (error) {
      done(error as Error)
      return
    }
    if (body === undefined || body.length === 0 || this.#writeBody(body)) done()
    else this.#stream.once('drain', done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A response that is cut must not pass for a whole one. close() would say its end (END_STREAM) before it resets.
    if (!this.#stream.destroyed) this.#stream.destroy(error ?? new Error('The response was cut.'))
    done(error)
  }

  /** Sends heads as they are complete, interim ones too. What is left is body. */
  #takeHead(chunk: Buffer): Buffer | undefined {
    let bytes = Buffer.concat([this.#head!, chunk])
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end === -1) {
        this.#head = bytes
        return undefined
      }
      const { status, fields } = readHead(bytes.toString('latin1', 0, end))
      bytes = bytes.subarray(end + 4)
      const headers = { ':status': status, ...fields }
      if (status >= 200) {
        this.#head = undefined
        this.#respond(headers)
        return bytes
      }
      this.#stream.additionalHeaders(headers)
    }
  }

  /** The last piece takes the end of the stream along: a frame of its own would be as dear as a small body. */
  #writeBody(body: Buffer): boolean {
    if (this.#bytesLeft !== undefined) this.#bytesLeft -= body.length
    if (this.#bytesLeft !== 0) return this.#stream.write(body)
    this.#stream.end(body)
    return true
  }

  #respond(headers: OutgoingHttpHeaders): void {
    const waitForTrailers = this.#trailers !== undefined
    const length = headers['content-length']
    if (!waitForTrailers && length !== undefined) this.#bytesLeft = Number(length)
    this.#stream.respond(headers, { waitForTrailers })
    if (waitForTrailers) this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(this.#trailers!))
  }

  #endResponse(): void {
    const stream = this.#stream
    stream.end()
    // Whoever is still sending need not go on (RFC 9113 §8.1).
    if (!stream.endAfterHeaders && !stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
  }
}

/** Where a response keeps that it has told its writer to wait; only its server can say that this is over. */
const needDrain: symbol = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kNeedDrain',
)!

function ignore(): void {}
