import type { Http2Session } from 'node:http2'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { hiddenField } from '../../errors/hidden-field.ts'
import { SentData } from './sent-data.ts'

/**
 * The TLS connection below a session, as a stream that Node's session reads and writes in JavaScript. Node couples a session
 * natively to a TLS socket. In Node 20 such a session learns in the middle of a read that a write has failed, because the client has
 * disconnected. It reads the same bytes again and aborts the process (assertions in `ConsumeHTTP2Data` and `~Http2Session`), or
 * never closes the connection.
 */
export class TlsDuplex extends Duplex {
  readonly socket: TLSSocket
  /** The streams whose data the session has sent. */
  readonly sent: SentData = new SentData()

  constructor(socket: TLSSocket) {
    super()
    this.socket = socket
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause()
    })
    // HTTP/2 has no half-closed connections, and a session that reads an end writes after its own end (an assertion in Node 20).
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

/** `session.socket` is a proxy that throws once the session is destroyed. */
const duplexes = hiddenField<Http2Session, TlsDuplex>()

/** Registers the connection of a session. */
export function setTlsDuplex(session: Http2Session, duplex: TlsDuplex): void {
  duplexes.set(session, duplex)
}

/** Returns the connection of a session. */
export function tlsDuplexOf(session: Http2Session): TlsDuplex {
  return duplexes.get(session)!
}
