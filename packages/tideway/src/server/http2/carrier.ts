import type { Http2Session } from 'node:http2'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { SentData } from './sent-data.ts'

/**
 * The TLS connection below a session, as a stream that Node's session reads and writes in JavaScript. Given the TLS socket
 * itself, the two are coupled natively, and in Node 20 a write that fails at once, because the client has hung up, is told to a
 * session in the middle of what it reads. It reads the same bytes again, and aborts the process (assertions in
 * `ConsumeHTTP2Data` and `~Http2Session`), or never closes the connection.
 */
export class Carrier extends Duplex {
  readonly socket: TLSSocket
  /** What the session has sent. */
  readonly sent: SentData = new SentData()

  constructor(socket: TLSSocket) {
    super()
    this.socket = socket
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause()
    })
    // HTTP/2 has no half of a connection; and given an end, Node's session writes on behind its own (an assertion in Node 20).
    socket.on('end', () => this.destroy())
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.sent.push(chunk)
    this.socket.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.socket.cork()
    for (const [i, { chunk }] of chunks.entries()) {
      this.sent.push(chunk)
      this.socket.write(chunk, i === chunks.length - 1 ? done : undefined)
    }
    this.socket.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy()
    done(error)
  }
}

/** What Node gives as a session's socket throws once the session is gone. */
const carriers = new WeakMap<Http2Session, Carrier>()

/** Remembers what a session runs over. */
export function carry(session: Http2Session, carrier: Carrier): void {
  carriers.set(session, carrier)
}

/** What a session runs over. */
export function carrierOf(session: Http2Session): Carrier {
  return carriers.get(session)!
}
