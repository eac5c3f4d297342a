import { isConnectionClosed } from '../../../errors/connection-closed.ts'
import type { TidewayError } from '../../../errors/tideway-error.ts'
import { encodeFrame, encodeTextFrame, opcodes, type Frame } from '../frame.ts'
import type { Outbox } from '../outbox.ts'
import type { PeerContext } from '../peer-owner.ts'
import { encodeSmallerFrame, isCompressedFrame } from './compressed-frame.ts'
import type { Compression, NegotiatedCompression } from './compression.ts'
import { DeflateOutbox } from './deflate-outbox.ts'
import { deflateInThread, deflateNow, type DeflateJob } from './deflate.ts'
import { History } from './history.ts'

/** The part of a peer that its sender uses. */
export interface SendingPeer {
  readonly isOpen: boolean
  /** Queues a frame. Returns a promise if the connection is above its high-water mark. */
  sendFrame(frame: Frame): void | Promise<void>
  /** Drops a message under the policy `drop`. */
  dropMessage(): void
  /** Closes a connection with more than `maxBufferedBytes` queued. */
  overflow(): never
  /** Makes the error for a send after the end. */
  closedError(): TidewayError
  close(code: number, reason: string): void
}

/** A message that waits for its compression, or for that of an earlier message. */
interface Waiting {
  readonly payload: string | Buffer
  readonly bytes: number
  /** The frame shared with other connections; `undefined`: it is encoded when its turn comes. */
  readonly frame: Promise<Frame> | undefined
  readonly resolve: (above: void | Promise<void>) => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends the messages of one connection with permessage-deflate. zlib is called once per message and keeps no state, so there is no
 * engine to close; context takeover uses a dictionary of earlier messages.
 */
export class DeflateSender {
  readonly #peer: SendingPeer
  readonly #options: PeerContext['options']
  readonly #buffered: PeerContext['buffered']
  readonly #compression: Compression
  readonly #windowBits: number
  readonly #outbox: Outbox
  /** The outbox, if the connection shares its frames with others. */
  readonly #shared: DeflateOutbox | undefined
  readonly #sent: History | undefined
  readonly #queue: Waiting[] = []
  #queuedBytes = 0
  /** The close after the queued messages. */
  #closing: { readonly code: number; readonly reason: string } | undefined
  #wasDropped = false

  /** @param outbox that of {@link Compression.outbox} for these parameters */
  constructor(
    peer: SendingPeer,
    outbox: Outbox,
    { options, buffered }: Pick<PeerContext, 'options' | 'buffered'>,
    { compression, parameters }: NegotiatedCompression,
  ) {
    this.#peer = peer
    this.#options = options
    this.#buffered = buffered
    this.#compression = compression
    this.#windowBits = parameters.serverMaxWindowBits
    this.#outbox = outbox
    this.#shared = outbox instanceof DeflateOutbox ? outbox : undefined
    this.#sent = parameters.serverNoContextTakeover ? undefined : new History(parameters.serverMaxWindowBits)
  }

  /** Bytes of the messages that wait for their compression. */
  get bufferedBytes(): number {
    return this.#queuedBytes
  }

  /** Whether a close waits for earlier messages. */
  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /** Queues a message: at once, or after its compression in a thread and that of earlier messages. */
  send(payload: string | Uint8Array): void | Promise<void> {
    const length = typeof payload === 'string' ? payload.length : payload.byteLength
    if (this.#queue.length > 0 || length >= this.#compression.threadFromBytes) return this.#sendLater(payload)
    return this.#sendAtOnce(payload)
  }

  /** Whether earlier messages precede the close: the sender then calls `close` of the peer again after them. */
  delaysClose(code: number, reason: string): boolean {
    if (this.#queue.length === 0 || !this.#peer.isOpen) return false
    this.#closing ??= { code, reason }
    return true
  }

  /** The peer has dropped a message. */
  onDrop(): void {
    this.#wasDropped = true
  }

  #sendAtOnce(payload: string | Uint8Array): void | Promise<void> {
    // The outbox shares frames and computes the length once, not per member.
    if (this.#sent === undefined || !this.#isCompressed(payload)) {
      const isText = typeof payload === 'string'
      return this.#peer.sendFrame(isText ? this.#outbox.textFrame(payload) : this.#outbox.binaryFrame(payload))
    }
    const data = typeof payload === 'string' ? Buffer.from(payload) : payload
    return this.#sendInContext(typeof payload === 'string', data, deflateNow(this.#job(data)))
  }

  #isCompressed(payload: string | Uint8Array): boolean {
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
    return bytes > 0 && bytes >= this.#compression.options.thresholdBytes
  }

  /** Sends a message that was compressed with the history, and adds it to the history. */
  #sendInContext(isText: boolean, payload: Uint8Array, deflated: Buffer): void | Promise<void> {
    const frame = encodeSmallerFrame(isText ? opcodes.text : opcodes.binary, payload, deflated)
    this.#compression.counters.sent.count(payload.length, deflated.length)
    this.#wasDropped = false
    const above = this.#peer.sendFrame(frame)
    // The client's history has only messages that were sent, and only compressed ones (RFC 7692 §7.2.3.2).
    if (!this.#wasDropped && isCompressedFrame(frame)) this.#sent!.append(payload)
    return above
  }

  #sendLater(data: string | Uint8Array): void | Promise<void> {
    if (this.#closing !== undefined) throw this.#peer.closedError()
    if (!this.#peer.isOpen) return this.#sendLast(data)
    const payload = typeof data === 'string' ? data : Buffer.from(data)
    const bytes = payload.length
    if (this.#queue.length > 0 && this.#queuedBytes + bytes > this.#options.maxBufferedBytes) {
      if (this.#options.slowConsumer === 'drop') return this.#peer.dropMessage()
      return this.#peer.overflow()
    }
    const isLarge = bytes >= this.#compression.threadFromBytes
    const frame = isLarge ? this.#shared?.frameInThread(data) : undefined
    // Avoids an unhandled rejection if it fails before its turn.
    frame?.catch(() => {})
    this.#queuedBytes += bytes
    this.#buffered.added(bytes)
    return new Promise((resolve, reject) => {
      this.#queue.push({ payload, bytes, frame, resolve, reject })
      if (this.#queue.length === 1) void this.#work()
    })
  }

  /** The peer is closing, so there is no time for a thread. Throws if the connection has ended. */
  #sendLast(data: string | Uint8Array): void | Promise<void> {
    return this.#peer.sendFrame(typeof data === 'string' ? encodeTextFrame(data) : encodeFrame(opcodes.binary, data))
  }

  /** Sends the queued messages one after the other, in order. */
  async #work(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      try {
        await this.#sendNext(next)
      } catch (error) {
        // A pending send resolves if the connection ends before its turn.
        if (isConnectionClosed(error)) next.resolve()
        else next.reject(error)
      }
      this.#queue.shift()
      this.#queuedBytes -= next.bytes
    }
    const closing = this.#closing
    if (closing !== undefined) this.#peer.close(closing.code, closing.reason)
  }

  async #sendNext({ payload, bytes, frame, resolve }: Waiting): Promise<void> {
    if (frame !== undefined) resolve(this.#peer.sendFrame(await frame))
    else if (!this.#peer.isOpen) resolve()
    else if (bytes < this.#compression.threadFromBytes) resolve(this.#sendAtOnce(payload))
    else {
      const data = Buffer.from(payload)
      const deflated = await this.#compression.jobs.run(() => deflateInThread(this.#job(data)))
      resolve(this.#sendInContext(typeof payload === 'string', data, deflated))
    }
  }

  #job(payload: Uint8Array): DeflateJob {
    const { options } = this.#compression
    return { payload, windowBits: this.#windowBits, dictionary: this.#sent?.bytes, options }
  }
}
