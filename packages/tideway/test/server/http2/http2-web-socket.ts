import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { clientFrame, type FrameKind } from '../frames.ts'
import { Received } from '../received.ts'

/** A WebSocket on a stream (RFC 8441), that speaks frames. */
export class Http2WebSocket {
  readonly stream: ClientHttp2Stream
  readonly #received: Received

  private constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    stream.on('error', () => {})
    this.#received = new Received(stream)
  }

  /** Asks for a WebSocket. */
  static request(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
    return session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/',
        ':authority': 'localhost',
        'sec-websocket-version': '13',
        ...headers,
      },
      { endStream: false },
    )
  }

  /** Opens a WebSocket. */
  static async open(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}): Promise<Http2WebSocket> {
    const stream = Http2WebSocket.request(session, headers)
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    if (Number(answered[':status']) !== 200)
      throw new Error(`The handshake was answered by ${String(answered[':status'])}`)
    return new Http2WebSocket(stream)
  }

  /** Sends a frame. */
  send(kind: FrameKind, payload: Uint8Array | string = ''): void {
    this.stream.write(clientFrame(kind, payload))
  }

  /** Sends a close frame with a code. */
  sendClose(code: number): void {
    this.send('close', Buffer.from([code >> 8, code & 0xff]))
  }

  /** Takes the next frame, as a line such as `text Hello`. */
  frame(): Promise<string> {
    return this.#received.frame()
  }

  /** Waits for the end of the stream, and gives the code of its reset: 0 for an end in order. */
  async closed(): Promise<number | undefined> {
    if (!this.stream.closed || !this.stream.destroyed) await once(this.stream, 'close')
    return this.stream.rstCode
  }
}
