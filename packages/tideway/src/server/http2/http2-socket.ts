import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { OutgoingMessage, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { fieldsOf, readHead } from './http1-head.ts'

const { NGHTTP2_NO_ERROR } = constants

/**
 * An HTTP/2 stream as the socket of one request: it sends the HTTP/1 that Node's `ServerResponse` writes as frames. So requests
 * of both versions reach an application through the same classes. Node's own HTTP/2 classes do not work with Express and similar
 * frameworks, since those set the prototypes of HTTP/1.
 */
export class Http2Socket extends Duplex {
  /** The connection that the stream shares with others. */
  readonly tlsSocket: TLSSocket
  readonly encrypted = true
  /** The bytes of the response in HTTP/1. */
  bytesWritten = 0
  readonly #stream: ServerHttp2Stream
  /** The bytes of an incomplete response head; `undefined` if the head is sent. */
  #head: Buffer | undefined = Buffer.alloc(0)
  #trailers: OutgoingHttpHeaders | undefined
  /** The bytes of the body still to send; `undefined` if the length is unknown or trailers follow. */
  #bytesLeft: number | undefined

  constructor(stream: ServerHttp2Stream, tlsSocket: TLSSocket) {
    super()
    this.#stream = stream
    this.tlsSocket = tlsSocket
  }

  get remoteAddress(): string | undefined {
    return this.tlsSocket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.tlsSocket.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.tlsSocket.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.tlsSocket.localAddress
  }

  get localPort(): number | undefined {
    return this.tlsSocket.localPort
  }

  get authorized(): boolean {
    return this.tlsSocket.authorized
  }

  get alpnProtocol(): string | false | null {
    return this.tlsSocket.alpnProtocol
  }

  /** The server that has accepted the connection. */
  get server(): unknown {
    return (this.tlsSocket as { readonly server?: unknown }).server
  }

  getPeerCertificate(isDetailed: boolean = false): unknown {
    return this.tlsSocket.getPeerCertificate(isDetailed)
  }

  /** The bytes that wait for the client to open its window. */
  get unsentBytes(): number {
    return this.#stream.writableLength
  }

  /** Does nothing: a timeout of one stream must not end the connection of the others. The server has its own timeouts. */
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  /** Called by the request to read more of its body. */
  override resume(): this {
    this.#stream.resume()
    return this
  }

  override pause(): this {
    this.#stream.pause()
    return this
  }

  /** Announces a call of {@link sendTrailers}. Call it before the head of the response is written. */
  expectTrailers(): void {
    this.#trailers = {}
  }

  /** Sets the trailers, which are sent after the body. */
  sendTrailers(trailers: Iterable<readonly [string, string]>): void {
    this.#trailers = fieldsOf(trailers)
  }

  /** Becomes the socket of a response until its end. */
  serve(response: ServerResponse): void {
    this.#stream.once('close', () => this.destroy())
    // `close` always follows an error, on the response too.
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
    // A client must not take a destroyed response for a complete one. close() would send END_STREAM before the reset.
    if (!this.#stream.destroyed) this.#stream.destroy(error ?? new Error('The response was destroyed.'))
    done(error)
  }

  /** Sends each complete head, also interim ones. Returns the bytes of the body that follow the last one. */
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

  /** Ends the stream together with the last piece: a separate frame would cost as much as a small body. */
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
    // Tells a client that is still sending its body to stop (RFC 9113 §8.1).
    if (!stream.endAfterHeaders && !stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
  }
}

/** The property in which a response stores that `write()` returned `false`. Node's HTTP server resets it at `drain`. */
const needDrain: symbol = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kNeedDrain',
)!

function ignore(): void {}
